import { randomBytes } from 'node:crypto'
import { decode } from '@msgpack/msgpack'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import { leaseDigest, leaseOf } from '../../kernel/lease.ts'
import {
  enrolOutput,
  type LeaseMessage,
  PROTOCOL_VERSION,
  type trackedHubMessage,
} from '../../kernel/protocol.ts'
import { wireEncoder } from '../../kernel/wire-encoder.ts'
import { type Sodium, sodium } from '../../server/sodium.ts'
import { AgentWork } from './agent-work.ts'
import { answerParent } from './child.ts'
import { type AgentsSeen, type AgentsStart, agentsStart } from './messages.ts'
import { resultFrame } from './result-frame.ts'

/**
 * A thousand agents in one process. They speak the binary protocol over sockets of their own, sign every receipt with
 * keys of their own, and compute nothing.
 */

/** The cheaper it is to sign, the less a thousand agents on the server's own machine disturb it. */
const ed25519 = requiredSodium()

function requiredSodium(): Sodium {
  if (sodium === undefined) throw new Error('the optional package sodium-native does not load here')
  return sodium
}

const SOFTWARE = 'bench/1'
/** Agents on their way in at once. */
const ENROLLING = 64
const LEASES_REQUEST = 2
const FAULTS_KEPT = 20
const SAMPLES_KEPT = 200_000

/** What the server that is measured answers: it is our own, and a schema's walk would cost it its machine. */
interface Reply {
  readonly id?: number
  readonly error?: { readonly message?: string }
  readonly result?: { readonly type?: string; readonly data?: unknown }
}

const seen = { leases: 0, shards: 0, accepted: 0 }
let samples: number[] = []
const faults: string[] = []
let agents: SimulatedAgent[] = []
let work: AgentWork = AgentWork.tiny()
let shard_ms = 0

answerParent({
  start: (input) => start(agentsStart.parse(input)),
  seen: (): AgentsSeen => {
    const lease_ms = samples
    samples = []
    const { user, system } = process.cpuUsage()
    return { ...seen, cpu_us: user + system, lease_ms, faults: faults.splice(0) }
  },
  pace(input) {
    shard_ms = z.number().parse(input)
  },
  leave() {
    for (const agent of agents) agent.close()
    agents = []
  },
})

/** @returns when all are enrolled and listen */
async function start(options: AgentsStart): Promise<void> {
  if (options.gbm !== undefined) work = await AgentWork.gbm(options.gbm)
  shard_ms = options.shard_ms
  let next = 0
  const lane = async () => {
    while (next < options.count) {
      const number = next++
      const agent = new SimulatedAgent(options, options.tokens[number % options.tokens.length] ?? '')
      agents.push(agent)
      await agent.join()
    }
  }
  await Promise.all(Array.from({ length: ENROLLING }, lane))
}

function fault(text: string): void {
  if (faults.length < FAULTS_KEPT) faults.push(text)
}

class SimulatedAgent {
  readonly #options: AgentsStart
  readonly #token: string
  readonly #socket: WebSocket
  readonly #publicKey = new Uint8Array(32)
  readonly #secretKey = new Uint8Array(64)
  #session = ''
  /** Ids of its own key and of the hub's. */
  #agent = ''
  #hub = ''
  #request = LEASES_REQUEST + 1
  #enrolled: ((data: unknown) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  #asked_ms: number | undefined
  /** When it will be through with what it holds. */
  #busy_ms = 0
  #isLeaving = false

  constructor(options: AgentsStart, token: string) {
    this.#options = options
    this.#token = token
    ed25519.crypto_sign_seed_keypair(this.#publicKey, this.#secretKey, randomBytes(32))
    this.#socket = new WebSocket(options.url, { perMessageDeflate: false })
    this.#socket.on('message', (data: Buffer, isBinary) => {
      // tRPC's way to see whether a silent peer is there.
      if (isBinary) this.#hear(data)
      else this.#socket.send('PONG')
    })
    this.#socket.on('error', (error) => this.#end(error.message))
    this.#socket.on('close', (code, reason) => this.#end(`closed with ${code} ${reason.toString()}`))
  }

  async join(): Promise<void> {
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#enrolled = resolve
      this.#failed = reject
    })
    this.#socket.once('open', () =>
      this.#call(1, 'mutation', 'hub.enrol', {
        v: PROTOCOL_VERSION,
        public_key: this.#publicKey,
        executor: { kind: 'wasm', label: 'bench' },
        software: SOFTWARE,
        owner_token: this.#token,
        window: this.#options.window,
      }),
    )
    const { session, agent_id, hub_key } = enrolOutput.parse(await answer)
    this.#session = session
    this.#agent = agent_id
    this.#hub = sha256Hex(new Uint8Array(hub_key))
    this.#failed = undefined
    this.#call(LEASES_REQUEST, 'subscription', 'hub.leases', { session: this.#session })
  }

  close(): void {
    this.#isLeaving = true
    this.#socket.terminate()
  }

  #call(id: number, method: string, path: string, input: unknown): void {
    this.#socket.send(wireEncoder.encode({ id, method, params: { path, input } }))
  }

  #end(reason: string): void {
    if (this.#isLeaving) return
    this.#failed?.(new Error(reason))
    fault(reason)
  }

  #hear(frame: Buffer): void {
    const { id, error, result } = decode(frame) as Reply
    if (error !== undefined) {
      this.#failed?.(new Error(error.message ?? 'refused'))
      fault(error.message ?? 'refused')
      return
    }
    if (id === 1) this.#enrolled?.(result?.data)
    if (id !== LEASES_REQUEST || result?.type !== 'data') return
    const message = (result.data as z.infer<typeof trackedHubMessage>).data
    if (message.t === 'accepted') seen.accepted += message.shards
    else if (message.t === 'lease') this.#take(message)
    else fault(`${message.t}: ${'reason' in message ? message.reason : ''}`)
  }

  #take(lease: LeaseMessage): void {
    if (this.#asked_ms !== undefined && samples.length < SAMPLES_KEPT)
      samples.push(performance.now() - this.#asked_ms)
    this.#asked_ms = undefined
    if (shard_ms === 0) {
      this.#answer(lease)
      return
    }
    const now_ms = performance.now()
    // Spread, or a thousand agents would answer in step.
    this.#busy_ms = Math.max(now_ms, this.#busy_ms) + lease.count * shard_ms * (0.5 + Math.random())
    setTimeout(() => this.#answer(lease), this.#busy_ms - now_ms)
  }

  #answer(lease: LeaseMessage): void {
    const { lease_id, epoch, contract_hash, plan_digest, first, count } = lease
    if (this.#socket.readyState !== WebSocket.OPEN) return
    const { digests, root, root_hex, leaves } = work.of(first, count)
    const leased = leaseOf(lease, { job_id: lease.job_id, agent: this.#agent, hub: this.#hub })
    // The canonical form of the receipt (kernel/receipt.ts): names in order, no spaces.
    const receipt =
      `forge/receipt/2\n{"contract_hash":"${contract_hash}","count":${count},"epoch":${epoch},"executor":"wasm",` +
      `"first":${first},"lease":"${bytesToHex(leaseDigest(leased))}","lease_id":"${lease_id}",` +
      `"plan_digest":"${plan_digest}","receipt":2,` +
      `"result_root":"${root_hex}","software":"${SOFTWARE}"}`
    const signature = new Uint8Array(64)
    ed25519.crypto_sign_detached(signature, Buffer.from(receipt), this.#secretKey)
    const request = this.#request++
    this.#socket.send(
      resultFrame({ request, session: this.#session, lease_id, epoch, digests, root, leaves, signature }),
    )
    seen.leases++
    seen.shards += count
    this.#asked_ms ??= performance.now()
  }
}
