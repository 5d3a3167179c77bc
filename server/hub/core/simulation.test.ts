import { describe, expect, it } from 'vitest'
import { bytesEqual } from '../../../kernel/digest.ts'
import { lookSchedule } from '../../../kernel/early-stopping.ts'
import {
  expectedStop,
  generator,
  type SimulatedAgent,
  type SimulatedJob,
  truth,
  World,
} from './simulation.test-support.ts'

const SEEDS = Number(process.env.FORGE_SIMULATION_SEEDS ?? 1000)
const FIRST_SEED = Number(process.env.FORGE_SIMULATION_FIRST_SEED ?? 1)

/** A random network and random jobs: some agents honest, some slow, lost, silent or lying. */
function worldOf(seed: number): { world: World; jobs: readonly SimulatedJob[]; liars: number } {
  const random = generator(seed ^ 0x5eed)
  const jobs = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index) => ({
    id: `job${index}`,
    shard_count: 1 + Math.floor(random() * 60),
    copies_needed: random() < 0.2 ? 3 : 2,
    owner: 'submitter',
    look_ends: [] as readonly number[],
  })).map((job) => (random() < 0.7 ? job : withLooks(job, 1 + Math.floor(random() * 8), 1.25 + random() * 2)))
  const count = Math.floor(random() * 7)
  let liars = 0
  const agents = Array.from({ length: count }, (_, index): SimulatedAgent => {
    const lies = random() < 0.25 ? 0.3 : 0
    if (lies > 0) liars++
    return {
      agent: `agent${index}`,
      owner: random() < 0.1 ? 'submitter' : `owner${Math.floor(random() * 4)}`,
      executor: random() < 0.5 ? 'webgpu' : 'cpu',
      shard_ms: 5 + random() * 200,
      lies,
      stalls: random() < 0.2 ? 0.1 : 0,
      drops: random() < 0.3 ? 0.15 : 0,
    }
  })
  // One agent that always answers, so that a job can start at all; the rest is the referee's to finish.
  agents.push({
    agent: 'steady',
    owner: 'steady',
    executor: 'cpu',
    shard_ms: 20,
    lies: 0,
    stalls: 0,
    drops: 0,
  })
  const crashes = random() < 0.5 ? 0.004 : 0
  return { world: new World({ seed, jobs, agents, crashes, max_ms: 3_600_000 }), jobs, liars }
}

/** A larger job, with looks from `first` on, each `growth` times further. */
function withLooks(job: SimulatedJob, first: number, growth: number): SimulatedJob {
  const shard_count = 2 * job.shard_count
  return { ...job, shard_count, look_ends: lookSchedule({ first, growth }, 1, shard_count) }
}

describe('simulated networks', () => {
  it(
    `finish every job with the right digests, each shard accepted once (${SEEDS} seeds from ${FIRST_SEED})`,
    () => {
      const seen = { lives: 0, refereed: 0, leases: 0, liars: 0, early: 0, surplus: 0, cancelled: 0 }
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const { world, jobs, liars } = worldOf(seed)
        world.run()
        for (const job of jobs) {
          const stored = world.durable.get(job.id)
          // Whatever happened, and in whatever order: the prefix alone says where a job stops.
          const stop = expectedStop(job)
          expect(world.covered.get(job.id), `seed ${seed}`).toBe(stop)
          for (let shard = 0; shard < stop; shard++)
            if (stored?.has(shard) !== true) world.fail(`shard ${shard} of ${job.id} is missing`)
          if (stop < job.shard_count) seen.early++
          const surplus = (stored?.size ?? 0) - stop
          if (surplus > stop / 16) world.fail(`${surplus} shards beyond a stop at ${stop}`)
          seen.surplus += surplus
          for (const [shard, accepted] of stored ?? []) {
            if (!bytesEqual(accepted.digest, truth(job.id, shard)))
              world.fail(`a wrong digest was accepted for shard ${shard}`)
            if (
              accepted.method === 'quorum' &&
              new Set(accepted.copies.map((copy) => copy.owner)).size < job.copies_needed
            ) {
              world.fail(`shard ${shard} was accepted by too few owners`)
            }
          }
        }
        seen.lives += world.lives - 1
        seen.refereed += world.refereed
        seen.leases += world.leases
        seen.liars += liars
        seen.cancelled += world.cancelled
      }
      // A simulation that met no fault would prove nothing.
      for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(10)
    },
    60 * SEEDS,
  )
})
