import { lookSchedule } from '../../../kernel/early-stopping.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import { DIGEST_BYTES } from '../core/back-pressure.ts'
import { HUB } from '../core/limits.ts'
import type { VerifyPolicy } from '../core/verify-policy.ts'
import { LEAF_MAX_BYTES, Random } from './random.ts'

/** A network and its faults, drawn from a seed. */

export interface SimJob {
  readonly index: number
  readonly id: string
  readonly owner: string
  readonly shard_count: number
  readonly chunk_shards: number
  readonly verify: VerifyPolicy
  readonly look_ends: readonly number[]
  readonly min_agents: number
  readonly max_agents: number
  readonly target: 'any' | 'cpu' | 'gpu'
  readonly cause: string
  readonly memory_bytes: number
  readonly operands: readonly string[]
  /** When its owner pauses it, and for how long; Infinity: never. */
  readonly paused_ms: number
  readonly pause_ms: number
  /** When its submitter cancels it, virtual milliseconds; Infinity: never. */
  readonly cancelled_ms: number
}

/**
 * `independent` liars make up a result of their own, `colluder`s all the same one, a `sleeper` is honest for its first
 * leases.
 */
export type Honesty = 'honest' | 'independent' | 'sleeper' | 'colluder'

export interface SimAgent {
  readonly key: string
  readonly owner: string
  /** From where it speaks; undefined: not known. */
  readonly network: string | undefined
  readonly executor: ExecutorKind
  /** What its contributor chose; undefined: all. */
  readonly causes: readonly string[] | undefined
  readonly memory_bytes: number | undefined
  /** Checks that it has passed before, and that it has to pass on probation. */
  readonly checks: number
  readonly probation: number
  /** Virtual milliseconds a shard. */
  readonly shard_ms: number
  readonly honesty: Honesty
  /** Chances for each lease: never answered, answered late, the connection lost, paused, a result that is broken in itself. */
  readonly stalls: number
  readonly lates: number
  readonly drops: number
  readonly pauses: number
  readonly breaks: number
  /** Chance for each lease that it answers somebody else's as well. */
  readonly forges: number
}

export interface Scenario {
  readonly seed: number
  readonly hub_count: number
  readonly jobs: readonly SimJob[]
  readonly agents: readonly SimAgent[]
  /** Chance that a hub dies before an effect. */
  readonly crashes: number
  /** Chance, for each tick, that a hub stands still for longer than its claims last. */
  readonly freezes: number
  /** Chance that nobody hears whether a commit happened. */
  readonly unknown_commits: number
  /** Chance, for each commit, that its answer takes seconds. */
  readonly outages: number
  /** How often the database fails over: then nothing is answered for seconds, and of what was on its way nobody knows. */
  readonly failovers: number
  /** Chance that what a hub tells the others at once is lost, so that they find it when they look. */
  readonly lost_messages: number
  /** Chance that a message comes twice, and that it comes seconds late. */
  readonly duplicates: number
  readonly delays: number
  readonly owner_moves: number
  /** How long a claim of a chunk lasts by the database's clock, and each hub's speed of time. */
  readonly claim_ms: number
  readonly clock_rates: readonly number[]
  /** Bytes of one job that a hub lets wait for storage, and milliseconds that a commit takes at most where nothing fails. */
  readonly unstored_bytes: number
  readonly commit_ms: number
}

const OWNERS = 5
export const CAUSES = ['mc', 'tensor'] as const
const SMALL_BYTES = 2 ** 24
const LARGE_BYTES = 2 ** 29

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed ^ 0x5eed)
  const hub_count = random.chance(0.35) ? (random.chance(0.3) ? 3 : 2) : 1
  const jobs = Array.from({ length: 1 + random.below(3) }, (_, index) => jobOf(random, index, hub_count))
  const harsh = random.chance(0.5)
  const colluding = random.chance(0.3)
  const agents = Array.from({ length: random.below(7) }, (_, index) => agentOf(random, index, colluding))
  // One agent of each kind that always answers, so that every job can start; the rest is the referee's to finish.
  for (const executor of ['cpu', 'webgpu'] as const) agents.push(steady(executor))
  const network = {
    seed,
    hub_count,
    jobs,
    agents,
    crashes: harsh ? 0.004 : 0,
    freezes: hub_count > 1 && harsh ? 0.06 : 0,
    unknown_commits: harsh ? 0.1 : 0,
    outages: harsh ? 0.03 : 0,
    failovers: harsh && random.chance(0.4) ? 1 + random.below(3) : 0,
    lost_messages: random.chance(0.3) ? 1 : 0.3,
    duplicates: 0.05,
    delays: random.chance(0.3) ? 0.1 : 0,
    owner_moves: random.chance(0.1) ? 1 : 0,
    claim_ms: 15_000,
    clock_rates: Array.from({ length: hub_count }, () => random.between(0.98, 1.02)),
  }
  return { ...network, ...storageOf(random) }
}

/** Now and then less room than a few leases of small jobs need, and a database that takes long to fill it less. */
function storageOf(random: Random): Pick<Scenario, 'unstored_bytes' | 'commit_ms'> {
  if (!random.chance(0.3)) return { unstored_bytes: HUB.unstored_bytes, commit_ms: 45 }
  const shards = 1 + random.below(12)
  return {
    unstored_bytes: shards * (DIGEST_BYTES + LEAF_MAX_BYTES),
    commit_ms: random.chance(0.5) ? random.between(45, 4000) : 45,
  }
}

function jobOf(random: Random, index: number, hub_count: number): SimJob {
  const small = 1 + random.below(50)
  const hasLooks = random.chance(0.25)
  const shard_count = hasLooks ? 2 * small : small
  const isPicky = random.chance(0.1)
  const looks = { first: 1 + random.below(8), growth: 1.25 + random.next() * 2 }
  const verify = verifyOf(random)
  return {
    index,
    id: `job${index}`,
    owner: `submitter${random.below(2)}`,
    shard_count,
    chunk_shards: 4 + random.below(30),
    verify,
    look_ends: hasLooks ? lookSchedule(looks, 1, shard_count) : [],
    min_agents: hub_count === 1 && !isPicky && random.chance(0.1) ? 2 : 1,
    max_agents: random.chance(0.1) ? 2 : Number.POSITIVE_INFINITY,
    target: isPicky ? random.pick(['cpu', 'gpu'] as const) : 'any',
    cause: random.pick(CAUSES),
    memory_bytes: random.chance(0.2) ? LARGE_BYTES : SMALL_BYTES,
    operands: random.chance(0.4) ? [`operand${random.below(3)}`] : [],
    paused_ms: random.chance(0.12) ? random.between(0, 6000) : Number.POSITIVE_INFINITY,
    pause_ms: random.chance(0.3) ? random.between(60_000, 200_000) : random.between(10, 20_000),
    cancelled_ms: random.chance(0.03) ? random.between(0, 5000) : Number.POSITIVE_INFINITY,
  }
}

function verifyOf(random: Random): VerifyPolicy {
  const drawn = random.next()
  if (drawn < 0.1) return { mode: 'none' }
  if (drawn < 0.45) return { mode: 'quorum', k: random.chance(0.2) ? 3 : 2 }
  if (drawn < 0.6) return { mode: 'spotcheck', rate: random.pick([0.1, 0.5, 1]) }
  if (drawn < 0.7) return { mode: 'full' }
  if (drawn < 0.8) return { mode: 'algebraic' }
  return { mode: 'adaptive', epsilon: random.pick([1e-4, 1e-3]) }
}

function agentOf(random: Random, index: number, colluding: boolean): SimAgent {
  const owner = random.below(OWNERS)
  const lies: Honesty = random.pick(['independent', 'sleeper'] as const)
  // Up to two of seven owners collude.
  const honesty = colluding && owner < 2 ? 'colluder' : random.chance(0.2) ? lies : 'honest'
  const sometimes = (chance: number, how_often: number) => (random.chance(chance) ? how_often : 0)
  return {
    key: `agent${index}`,
    owner: random.chance(0.1) ? 'submitter0' : `owner${owner}`,
    network: random.chance(0.4) ? `network${random.below(2)}` : undefined,
    executor: random.pick(['webgpu', 'wasm', 'cpu'] as const),
    causes: random.chance(0.25) ? [random.pick(CAUSES)] : undefined,
    memory_bytes: random.chance(0.3) ? random.pick([SMALL_BYTES, LARGE_BYTES]) : undefined,
    checks: random.chance(0.4) ? 5000 : 0,
    probation: random.chance(0.25) ? 1 + random.below(60) : 0,
    shard_ms: random.between(5, 200),
    honesty,
    stalls: sometimes(0.2, 0.1),
    lates: sometimes(0.1, 0.1),
    drops: sometimes(0.3, 0.15),
    pauses: sometimes(0.2, 0.1),
    breaks: sometimes(0.12, 0.15),
    forges: sometimes(0.1, 0.2),
  }
}

function steady(executor: ExecutorKind): SimAgent {
  return {
    key: `steady-${executor}`,
    owner: `steady-${executor}`,
    network: undefined,
    executor,
    causes: undefined,
    memory_bytes: LARGE_BYTES,
    checks: 0,
    probation: 0,
    shard_ms: 20,
    honesty: 'honest',
    stalls: 0,
    lates: 0,
    drops: 0,
    pauses: 0,
    breaks: 0,
    forges: 0,
  }
}
