import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { decode } from '@msgpack/msgpack'
import { WebSocket } from 'ws'
import { CLOSE, PROTOCOL_VERSION } from '../../kernel/protocol.ts'
import { WIRE_LIMITS, wireEncoder } from '../../kernel/wire-encoder.ts'
import { answerParent } from './child.ts'
import { type AbusersStart, abusersStart } from './messages.ts'
import { packedLeaves, resultFrame } from './result-frame.ts'

/**
 * What a hub on the open network hears beside its agents: bytes that are no frames, frames over the limit, floods,
 * results for leases that nobody holds, of other sessions and other lives of the hub, wrong results of agents that claim
 * to be the fastest in the world, and crowds of connections. Each has one right answer.
 */

const ADDRESS = '127.0.0.2'
const CROWD = 1000
const FLOOD = 1000
const PAUSE_MS = 20
const ANSWER_LIMIT_MS = 60_000
const UNEXPECTED_KEPT = 10

const answered: Record<string, number> = {}
const unexpected: string[] = []
let isOver = false

answerParent({
  start(input) {
    void abuse(abusersStart.parse(input))
  },
  seen: () => ({ answered, unexpected }),
  stop() {
    isOver = true
  },
})

type Kind = (options: AbusersStart) => Promise<string>

/** What is done, and the answer to it. */
const KINDS: Readonly<Record<string, { readonly does: Kind; readonly right: string }>> = {
  'no frame': { does: (to) => closeAfter(to, [randomBytes(64)]), right: `closed ${CLOSE.malformed}` },
  'no call': {
    does: (to) =>
      closeAfter(to, [wireEncoder.encode({ id: 1, method: 'mutation', params: { path: 'hub.stop' } })]),
    right: `closed ${CLOSE.malformed}`,
  },
  'a frame over the limit': {
    does: (to) => closeAfter(to, [Buffer.alloc(WIRE_LIMITS.frame_bytes + 1)]),
    right: 'closed 1009',
  },
  'a flood': {
    does: (to) =>
      closeAfter(
        to,
        Array.from({ length: FLOOD }, () => 'PING'),
      ),
    right: `closed ${CLOSE.too_many}`,
  },
  'a result of an unknown session': {
    does: (to) => answerTo(to, () => result({ session: 'nobody', lease_id: '1-1', epoch: 1 })),
    right: 'UNAUTHENTICATED',
  },
  'a result that is not held': {
    does: (to) => answerTo(to, (session) => result({ session, lease_id: 'none', epoch: 1 })),
    right: 'not_held',
  },
  'a result of another epoch': {
    does: (to) => wrongLease(to, (lease) => ({ ...lease, epoch: lease.epoch - 1 })),
    right: 'not_held',
  },
  'a wrong result': { does: (to) => wrongLease(to, (lease) => lease), right: 'MESSAGE_INVALID' },
  'a crowd': { does: crowd, right: 'there' },
}

async function abuse(options: AbusersStart): Promise<void> {
  while (!isOver) {
    for (const [kind, { does, right }] of Object.entries(KINDS)) {
      const answer = await withinTime(does(options)).catch((error: unknown) => String(error))
      if (answer === right) answered[kind] = (answered[kind] ?? 0) + 1
      else if (unexpected.length < UNEXPECTED_KEPT) unexpected.push(`${kind}: ${answer} instead of ${right}`)
      await delay(PAUSE_MS)
    }
  }
}

function withinTime(answer: Promise<string>): Promise<string> {
  return Promise.race([answer, delay(ANSWER_LIMIT_MS, 'no answer', { ref: false })])
}

function open({ url }: AbusersStart): WebSocket {
  return new WebSocket(url, { perMessageDeflate: false, localAddress: ADDRESS })
}

function closeAfter(to: AbusersStart, frames: readonly (Uint8Array | string)[]): Promise<string> {
  const socket = open(to)
  return new Promise((resolve) => {
    socket.on('open', () => {
      for (const frame of frames) socket.send(frame)
    })
    socket.on('close', (code) => resolve(`closed ${code}`))
    socket.on('error', () => {})
  })
}

interface Lease {
  readonly session: string
  readonly lease_id: string
  readonly epoch: number
}

/** A result with nothing right in it but its shape. */
function result(lease: Lease): Uint8Array {
  return resultFrame({
    ...lease,
    request: 9,
    digests: new Uint8Array(32),
    root: new Uint8Array(32),
    leaves: packedLeaves([]),
    signature: new Uint8Array(64),
  })
}

/** Enrols under a new key, sends one frame and says what came back. */
function answerTo(to: AbusersStart, frame: (session: string) => Uint8Array): Promise<string> {
  return dialogue(to, (message, socket) => {
    if (message.id === 1) socket.send(frame(message.result?.data?.session ?? ''))
  })
}

/** Waits for a lease as an agent that claims to be very fast, and answers it wrongly. */
function wrongLease(to: AbusersStart, change: (lease: Lease) => Lease): Promise<string> {
  let session = ''
  let hasAnswered = false
  return dialogue(to, (message, socket) => {
    if (message.id === 1) {
      session = message.result?.data?.session ?? ''
      socket.send(call(2, 'subscription', 'hub.leases', { session }))
    }
    const lease = message.result?.data?.data
    if (message.id !== 2 || lease?.t !== 'lease' || hasAnswered) return
    hasAnswered = true
    socket.send(result(change({ session, lease_id: lease.lease_id ?? '', epoch: lease.epoch ?? 0 })))
  })
}

/** Of the answers, what is looked at. */
interface Message {
  readonly id?: number
  readonly error?: { readonly data?: { readonly forge?: { readonly code?: string } } }
  readonly result?: {
    readonly data?: {
      readonly session?: string
      readonly outcome?: string
      readonly data?: { readonly t?: string; readonly lease_id?: string; readonly epoch?: number }
    }
  }
}

function dialogue(to: AbusersStart, hear: (message: Message, socket: WebSocket) => void): Promise<string> {
  const socket = open(to)
  const { publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const enrolment = {
    v: PROTOCOL_VERSION,
    public_key: new Uint8Array(Buffer.from(x, 'base64url')),
    executor: { kind: 'wasm', label: 'abuser' },
    software: 'bench/1',
    speed: 1e12,
    owner_token: to.token,
    window: 8,
  }
  return new Promise((resolve) => {
    const end = (answer: string) => {
      socket.terminate()
      resolve(answer)
    }
    socket.on('open', () => socket.send(call(1, 'mutation', 'hub.enrol', enrolment)))
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return
      const message = decode(data) as Message
      if (message.error !== undefined) end(message.error.data?.forge?.code ?? 'an error')
      else if (message.id === 9) end(message.result?.data?.outcome ?? 'an answer')
      else hear(message, socket)
    })
    socket.on('close', (code) => end(`closed ${code}`))
    socket.on('error', () => {})
  })
}

function call(id: number, method: string, path: string, input: unknown): Uint8Array {
  return wireEncoder.encode({ id, method, params: { path, input } })
}

/** Many connections at once from one address, which say nothing: those over the limit are told so. */
async function crowd(to: AbusersStart): Promise<string> {
  const sockets = Array.from({ length: CROWD }, () => open(to))
  const ends = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.on('close', () => resolve())
        socket.on('error', () => resolve())
        socket.on('open', () => resolve())
      }),
  )
  await Promise.all(ends)
  for (const socket of sockets) socket.terminate()
  return 'there'
}
