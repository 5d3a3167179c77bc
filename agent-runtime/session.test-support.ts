import { afterEach } from 'vitest'
import { sha256Hex } from '../kernel/digest.ts'
import { verifySignature } from '../kernel/evidence/sample.test-support.ts'
import { generateSeed, identityOf } from './identity.ts'
import { AGENT_LIMITS } from './limits.ts'
import { ManualClock } from './manual-clock.test-support.ts'
import { MemoryHub } from './memory-hub.test-support.ts'
import { Session } from './session.ts'
import type { SessionEvent } from './session-events.ts'
import { GatedExecutor, TINY_OPS } from './tiny-op.test-support.ts'

/** The blob that jobs of these tests take, which every hub of a test has. */
const OPERAND = Uint8Array.of(42)
export const DIGEST = sha256Hex(OPERAND)

/** Sleeps below this are backoff; call timeouts are longer. */
export const isBackoff = (ms: number) => ms < AGENT_LIMITS.release_timeout_ms

export interface SessionSetting {
  readonly intensity?: number
  /** Hubs by the sockets that a hub which stops may name. */
  readonly others?: Readonly<Record<string, MemoryHub>>
}

/** A hub in memory that has the operand. */
export function newHub(): MemoryHub {
  const hub = new MemoryHub()
  hub.blobs.set(DIGEST, OPERAND)
  return hub
}

async function setUp(options: SessionSetting) {
  const hub = newHub()
  const clock = new ManualClock()
  const executor = new GatedExecutor()
  const identity = await identityOf(generateSeed())
  const events: SessionEvent[] = []
  const session = new Session({
    transport: hub,
    transportsTo: (sockets) => sockets.flatMap((socket) => options.others?.[socket] ?? []),
    blobs: hub,
    executor,
    identity,
    trust: hub,
    verifySignature,
    registry: TINY_OPS,
    clock,
    random: () => 0.5,
    software: 'test/1',
    ownerToken: undefined,
    speed: 1000,
    intensity: () => options.intensity ?? 1,
    heard: (event) => events.push(event),
  })
  const stop = new AbortController()
  let reason: 'paused' | 'stopped' = 'stopped'
  const begin = () => session.run(stop.signal, () => reason)
  return {
    hub,
    clock,
    executor,
    identity,
    events,
    session,
    stop,
    begin,
    kinds: () => events.map(({ t }) => t),
    end: (why: 'paused' | 'stopped') => {
      reason = why
      stop.abort(why)
    },
  }
}

let last: Awaited<ReturnType<typeof setUp>> | undefined
afterEach(() => last?.end('stopped'))

/** A session that has not begun: a test may spoil its hub first. When the test is over, it ends. */
export async function start(setting: SessionSetting = {}) {
  last = await setUp(setting)
  return last
}

/** A session that listens for leases. */
export async function live(setting: SessionSetting = {}) {
  const started = await start(setting)
  const running = started.begin()
  await started.hub.until(() => started.hub.subscribed)
  return { ...started, running }
}
