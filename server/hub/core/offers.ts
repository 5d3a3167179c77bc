import type { ExecutorKind } from '../../../kernel/receipt.ts'
import type { HubEvent } from './events.ts'
import { emptyCount, type HubState, type Needs, type Offer } from './state.ts'
import { VoiceQueues } from './voice-queues.ts'

/**
 * What agents offer and what jobs need. Agents that offer the same are counted together and wait together, jobs that need
 * the same take turns together: so who could do a job, and which jobs an agent could do, is looked up by the few kinds of
 * offers and needs that there are, never by the agents and jobs.
 */

export function kindOf(executor: ExecutorKind): Offer['kind'] {
  return executor === 'webgpu' ? 'gpu' : 'cpu'
}

/** Memory is compared by powers of two of bytes between these: 1 MiB and 4 GiB. */
const MEMORY_LOG2_MIN = 20
const MEMORY_LOG2_MAX = 32
/** 128 MiB: what WebGPU guarantees every device for one buffer. A CPU has enough for every plan. */
const GPU_MEMORY_LOG2 = 27

/** The power of two that so many bytes need. */
export function memoryLog2(bytes: number): number {
  return clamp(Math.ceil(Math.log2(Math.max(1, bytes))))
}

function offeredLog2(bytes: number): number {
  return clamp(Math.floor(Math.log2(Math.max(1, bytes))))
}

function clamp(log2: number): number {
  return Math.min(MEMORY_LOG2_MAX, Math.max(MEMORY_LOG2_MIN, log2))
}

type Joined = (HubEvent & { t: 'session.joined' })['session']

/** The offer that a session's agents have in common, made with the first of them. */
export function offerOf(state: HubState, { executor, causes, memory_bytes }: Joined): Offer {
  const kind = kindOf(executor)
  const memory_log2 =
    memory_bytes !== undefined
      ? offeredLog2(memory_bytes)
      : kind === 'gpu'
        ? GPU_MEMORY_LOG2
        : MEMORY_LOG2_MAX
  const chosen = causes === undefined ? undefined : [...new Set(causes)].sort()
  const key = `${kind} ${memory_log2} ${chosen?.join(' ') ?? '*'}`
  const known = state.offers.get(key)
  if (known !== undefined) return known
  const offer: Offer = {
    key,
    kind,
    memory_log2,
    causes: chosen === undefined ? undefined : new Set(chosen),
    sessions: 0,
    count: emptyCount(),
    idle: new VoiceQueues(),
  }
  state.offers.set(key, offer)
  return offer
}

/** Whether agents with this offer can do, and want to do, what needs this. */
export function fits({ target, cause, memory_log2 }: Needs, offer: Offer): boolean {
  return (
    (target === 'any' || target === offer.kind) &&
    offer.memory_log2 >= memory_log2 &&
    (offer.causes === undefined || offer.causes.has(cause))
  )
}

export function needsKey({ target, cause, memory_log2 }: Needs): string {
  return `${target} ${cause} ${memory_log2}`
}
