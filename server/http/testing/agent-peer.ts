import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createTRPCUntypedClient, createWSClient, wsLink } from '@trpc/client'
import { type ClientOptions, WebSocket } from 'ws'
import { solveChallenge } from '../../../agent-runtime/challenge.ts'
import { hubError } from '../../../agent-runtime/hub-transport.ts'
import { type ClaimChallenge, type ClaimProof, claimBytes } from '../../../kernel/claim.ts'
import { bytesToHex, sha256 } from '../../../kernel/digest.ts'
import { leaseDigest, leaseOf } from '../../../kernel/lease.ts'
import { merkleRootOfDigests } from '../../../kernel/merkle.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import {
  challengeOutput,
  contractOutput,
  type EnrolOutput,
  type HubMessage,
  type LeaseMessage,
  PROTOCOL_VERSION,
  type ResultInput,
  trackedHubMessage,
} from '../../../kernel/protocol.ts'
import { receiptBytes } from '../../../kernel/receipt.ts'
import { wireEncoder } from '../../../kernel/wire-encoder.ts'
import { leafOf } from '../../hub/testing/leaves.ts'

/** An agent reduced to its wire: calls of the protocol over one WebSocket, and how that socket ended. */
export interface AgentPeer {
  call(kind: 'query' | 'mutation', path: string, input: unknown): Promise<unknown>
  enrol(more?: Record<string, unknown>): Promise<EnrolOutput>
  /**
   * Executes so many leases by the ops' own arithmetic and returns signed results.
   * @param spoil what it returns instead of a shard's leaf
   */
  work(enrolled: EnrolOutput, leases: number, spoil?: Spoil): void
  /** Listens from now on. @returns the first so many leases, unanswered */
  offered(session: string, count: number): Promise<readonly LeaseMessage[]>
  /** What an honest agent returns for a lease of an op without operands. */
  resultOf(enrolled: EnrolOutput, lease: LeaseMessage): Promise<ResultInput>
  /** The first message of `hub.leases`. */
  firstLease(session: string): Promise<{ id: string; data: Record<string, unknown> }>
  /**
   * What the hub says on `hub.leases`, until the subscription ends. Answers nothing.
   * @param each is told of every message at once
   */
  hears(session: string, each?: (message: HubMessage) => void): Promise<readonly HubMessage[]>
  /** The peer's key answers an account's challenge. */
  claim(challenge: ClaimChallenge): ClaimProof
  readonly closed: Promise<Closed>
  close(): void
}

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** How a socket ends. */
export function closeOf(socket: WebSocket): Promise<Closed> {
  return new Promise((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    socket.on('error', () => {})
  })
}

export function agentUrl(url: string): string {
  return `${url.replace('http', 'ws')}/agent`
}

/** A result that has the protocol's shape and nothing right in it. */
export function emptyResult(session: string): ResultInput {
  return {
    v: PROTOCOL_VERSION,
    session,
    lease_id: 'none',
    epoch: 0,
    executor: 'cpu',
    digests: new Uint8Array(32),
    result_root: new Uint8Array(32),
    leaves: [],
    elapsed_ms: 1,
    signature: new Uint8Array(64),
  }
}

interface AgentKey {
  readonly publicBytes: Uint8Array
  readonly secret: KeyObject
}

function newKey(): AgentKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return { publicBytes: new Uint8Array(Buffer.from(x, 'base64url')), secret: privateKey }
}

const SOFTWARE = 'test/1'

export function enrolmentOf(key: AgentKey = newKey()): Record<string, unknown> {
  return {
    v: PROTOCOL_VERSION,
    public_key: key.publicBytes,
    executor: { kind: 'cpu', label: 'test' },
    software: SOFTWARE,
    window: 1,
  }
}

type Spoil = (leaf: Uint8Array, shard: number) => Uint8Array

/** One lease of an op without operands, executed and signed. */
async function execute(
  canonical: string,
  lease: LeaseMessage,
  { session, agent_id, hub_key }: EnrolOutput,
  key: AgentKey,
  spoil: Spoil = (leaf) => leaf,
): Promise<ResultInput> {
  const job = OPS.prepare(JSON.parse(canonical))
  const leaves: Uint8Array[] = []
  for (let shard = lease.first; shard < lease.first + lease.count; shard++) {
    // The server that is tested is in this process too: a slow machine would hold it up for seconds.
    await nextTurn()
    leaves.push(spoil(leafOf(job, shard), shard))
  }
  const digests = new Uint8Array(Buffer.concat(leaves.map((leaf) => sha256(leaf))))
  const root = merkleRootOfDigests(digests)
  const leased = leaseOf(lease, { job_id: lease.job_id, agent: agent_id, hub: bytesToHex(sha256(hub_key)) })
  const receipt = receiptBytes({
    receipt: 2,
    lease_id: lease.lease_id,
    epoch: lease.epoch,
    contract_hash: lease.contract_hash,
    plan_digest: lease.plan_digest,
    first: lease.first,
    count: lease.count,
    result_root: bytesToHex(root),
    executor: 'cpu',
    software: SOFTWARE,
    lease: bytesToHex(leaseDigest(leased)),
  })
  return {
    v: PROTOCOL_VERSION,
    session,
    lease_id: lease.lease_id,
    epoch: lease.epoch,
    executor: 'cpu',
    digests,
    result_root: root as Uint8Array<ArrayBuffer>,
    leaves: leaves as Uint8Array<ArrayBuffer>[],
    elapsed_ms: 1,
    signature: new Uint8Array(sign(null, receipt, key.secret)),
  }
}

/**
 * @param headers sent with the upgrade, for instance the cookies of somebody who has signed in
 * @param options of the socket, for instance what TLS needs
 */
export function connectAgentPeer(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  options: ClientOptions = {},
): AgentPeer {
  let tellClosed: (closed: Closed) => void
  const closed = new Promise<Closed>((resolve) => {
    tellClosed = resolve
  })
  class Socket extends WebSocket {
    constructor(address: string) {
      super(address, { ...options, headers: { ...options.headers, ...headers } })
      void closeOf(this).then(tellClosed)
    }
  }
  const client = createWSClient({
    url: agentUrl(url),
    WebSocket: Socket as unknown as typeof globalThis.WebSocket,
    experimental_encoder: wireEncoder,
    retryDelayMs: () => 3_600_000,
  })
  const rpc = createTRPCUntypedClient({ links: [wsLink({ client })] })
  const key = newKey()
  let isClosed = false
  return {
    call: (kind, path, input) => rpc[kind](path, input),
    async enrol(more = {}) {
      const enrolment = { ...enrolmentOf(key), ...more }
      const enrolled = await rpc.mutation('hub.enrol', enrolment).catch(async (error: unknown) => {
        if (hubError(error).code !== 'CHALLENGE_REQUIRED' || 'challenge' in more) throw error
        const given = challengeOutput.parse(await rpc.query('hub.challenge', {}))
        const challenge = await solveChallenge(given, new AbortController().signal)
        return rpc.mutation('hub.enrol', { ...enrolment, challenge })
      })
      return enrolled as EnrolOutput
    },
    work(enrolled, leases, spoil) {
      const { session } = enrolled
      let left = leases
      rpc.subscription(
        'hub.leases',
        { session },
        {
          async onData(value) {
            const { data } = trackedHubMessage.parse(value)
            if (data.t !== 'lease' || left-- <= 0) return
            const input = { session, contract_hash: data.contract_hash }
            try {
              const { canonical } = contractOutput.parse(await rpc.query('hub.contract', input))
              await rpc.mutation('hub.result', await execute(canonical, data, enrolled, key, spoil))
            } catch (error) {
              // It was closed in the middle of a lease.
              if (!isClosed) throw error
            }
          },
        },
      )
    },
    offered: (session, count) =>
      new Promise((resolve, reject) => {
        const leases: LeaseMessage[] = []
        rpc.subscription(
          'hub.leases',
          { session },
          {
            onData(value) {
              const { data } = trackedHubMessage.parse(value)
              if (data.t === 'lease') leases.push(data)
              if (leases.length === count) resolve(leases)
            },
            onError: reject,
          },
        )
      }),
    async resultOf(enrolled, lease) {
      const input = { session: enrolled.session, contract_hash: lease.contract_hash }
      const { canonical } = contractOutput.parse(await rpc.query('hub.contract', input))
      return execute(canonical, lease, enrolled, key)
    },
    firstLease: (session) =>
      new Promise((resolve, reject) => {
        const subscription = rpc.subscription(
          'hub.leases',
          { session },
          {
            onData(value) {
              subscription.unsubscribe()
              resolve(value as { id: string; data: Record<string, unknown> })
            },
            onError: reject,
          },
        )
      }),
    hears: (session, each) =>
      new Promise((resolve, reject) => {
        const heard: HubMessage[] = []
        rpc.subscription(
          'hub.leases',
          { session },
          {
            onData(value) {
              const { data } = trackedHubMessage.parse(value)
              heard.push(data)
              each?.(data)
            },
            onComplete: () => resolve(heard),
            onError: reject,
          },
        )
      }),
    claim: (challenge) => ({
      public_key: bytesToHex(key.publicBytes),
      nonce: challenge.nonce,
      signature: sign(null, claimBytes(challenge), key.secret).toString('hex'),
    }),
    closed,
    close() {
      isClosed = true
      void client.close()
    },
  }
}
