import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JobState } from '../../kernel/api.ts'
import { agentAccount } from './ledger.ts'
import { auditLedger } from './ledger-audit.ts'
import type { NewJob } from './ports/jobs.ts'
import { type Fault, type FaultyPool, faultyPool } from './testing/faulty-pool.ts'
import {
  createLedgerWorld,
  type LedgerWorld,
  REFEREE_AGENT,
  type WorldAgent,
} from './testing/ledger-world.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

/**
 * The ledger against a model of it, under any order and repetition of what callers do and of crashes around commits.
 * fast-check prints the seed of a failure.
 */

const UNFINISHED: readonly JobState[] = ['submitted', 'running', 'verifying']
const PEOPLE = 3
const AGENTS = 5

type Action = { readonly fault: Fault; readonly retry: boolean } & (
  | {
      readonly t: 'submit'
      readonly who: number
      readonly shards: number
      readonly copies: number
      readonly price: number
      readonly key: number | undefined
      readonly hasTarget: boolean
    }
  | { readonly t: 'commit'; readonly job: number; readonly by: readonly (readonly number[])[] }
  | {
      readonly t: 'end'
      readonly job: number
      readonly how: 'settled' | 'failed' | 'cancelled' | 'expired'
      readonly stop: number
    }
  | { readonly t: 'claim'; readonly agent: number; readonly who: number }
  | { readonly t: 'grant'; readonly who: number; readonly reason: number }
  | { readonly t: 'move'; readonly to: number }
)

const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'lost', 'answer_lost')
const tried = { fault, retry: fc.boolean() }
const person = fc.nat({ max: PEOPLE - 1 })
const job = fc.nat({ max: 7 })
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...tried,
      t: fc.constant('submit' as const),
      who: person,
      shards: fc.integer({ min: 1, max: 4 }),
      copies: fc.integer({ min: 1, max: 2 }),
      price: fc.integer({ min: 1, max: 60 }),
      key: fc.option(fc.nat({ max: 1 }), { nil: undefined }),
      hasTarget: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...tried,
      t: fc.constant('commit' as const),
      job,
      by: fc.array(fc.array(fc.nat({ max: AGENTS }), { minLength: 1, maxLength: 2 }), {
        minLength: 1,
        maxLength: 2,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...tried,
      t: fc.constant('end' as const),
      job,
      how: fc.constantFrom('settled' as const, 'failed' as const, 'cancelled' as const, 'expired' as const),
      stop: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...tried,
      t: fc.constant('claim' as const),
      agent: fc.nat({ max: AGENTS - 1 }),
      who: person,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...tried,
      t: fc.constant('grant' as const),
      who: person,
      reason: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...tried,
      t: fc.constant('move' as const),
      to: fc.integer({ min: 1, max: PEOPLE - 1 }),
    }),
  },
)

interface ModelJob {
  readonly row: NewJob
  /** Who pays: changes when a guest signs up. */
  payer: number
  done: number
  ended: boolean
  readonly hasTarget: boolean
  /** Of each shard, in order. */
  readonly copies: (readonly WorldAgent[])[]
}

/** One run: its people (the first a guest), its agents (the last two belong to people 1 and 2) and what they should have. */
class Run {
  readonly world: LedgerWorld
  readonly faults: FaultyPool
  readonly people: readonly string[]
  readonly agents: readonly WorldAgent[]
  readonly jobs: ModelJob[] = []
  readonly available: number[] = Array.from({ length: PEOPLE }, () => 500)
  readonly earned: number[] = Array.from({ length: AGENTS }, () => 0)
  /** Person who has claimed the agent, or owned it from the start. */
  readonly ownerOf: (number | undefined)[] = [undefined, undefined, undefined, 1, 2]
  readonly granted = new Set<string>()
  readonly keys = new Map<string, ModelJob>()

  private constructor(
    world: LedgerWorld,
    faults: FaultyPool,
    people: readonly string[],
    agents: readonly WorldAgent[],
  ) {
    this.world = world
    this.faults = faults
    this.people = people
    this.agents = agents
  }

  static async start(database: TestDatabase): Promise<Run> {
    const faults = faultyPool(database.pool)
    const world = await createLedgerWorld({ ...database, pool: faults.pool })
    const people = [
      await world.person('guest', 500),
      await world.person('account', 500),
      await world.person('account', 500),
    ]
    const agents: WorldAgent[] = []
    for (const owner of [undefined, undefined, undefined, people[1], people[2]])
      agents.push(await world.agent(owner === undefined ? 'network' : { owner }))
    return new Run(world, faults, people, agents)
  }

  id(who: number): string {
    return this.people[who] ?? ''
  }

  /** Does it under its fault, and perhaps again without; then the model follows if it happened. */
  async perform(action: Action): Promise<void> {
    const target = 'job' in action ? this.jobs[action.job % Math.max(1, this.jobs.length)] : undefined
    if ('job' in action && target === undefined) return
    const attempt = this.deed(action, target)
    if (attempt === undefined) return
    this.network = await this.world.posted('network')
    this.faults.arm(action.fault)
    const first = await attempt().then(
      () => 'done' as const,
      (error: unknown) => error,
    )
    this.faults.arm('none')
    const crashed = first !== 'done' && String(first).includes('connection was lost')
    if (first !== 'done' && !crashed)
      expect(first).toMatchObject({ code: action.t === 'submit' ? 'CREDITS_INSUFFICIENT' : 'NOT_FOUND' })
    // A commit of results is repeated by whoever makes it.
    let happened = action.t === 'commit' || (crashed ? action.fault === 'answer_lost' : first === 'done')
    if (crashed && action.retry && action.t !== 'commit') {
      await attempt().catch(() => {})
      happened = true
    }
    this.follow(action, target, happened, first)
  }

  private submitted: NewJob | undefined
  /** What the network had before the action. */
  private network = 0

  private deed(action: Action, target: ModelJob | undefined): (() => Promise<unknown>) | undefined {
    const { world } = this
    switch (action.t) {
      case 'submit': {
        const key = action.key === undefined ? undefined : `key ${action.key}`
        const row = world.newJob(this.id(action.who), { ...action, key })
        this.submitted = row
        return () => world.jobs.insert(row)
      }
      case 'commit': {
        if (target === undefined || target.ended) return undefined
        const copies = target.row.hold / target.row.shard_price / target.row.shard_count
        const shards = action.by.slice(0, target.row.shard_count - target.done)
        if (shards.length === 0) return undefined
        const by = shards.map((agents) => this.copiesOf(agents, copies))
        target.done += shards.length
        target.copies.push(...by)
        return () => world.commit(target.row, by)
      }
      case 'end': {
        if (target === undefined) return undefined
        return async () => {
          if (action.how !== 'settled') return world.jobs.transition(target.row.id, UNFINISHED, action.how)
          await world.jobs.transition(target.row.id, ['submitted'], 'running')
          return world.settle(target.row, coveredBy(action, target))
        }
      }
      case 'claim':
        return () => world.credits.claimAgent(this.agents[action.agent]?.id ?? '', this.id(action.who))
      case 'grant':
        return () => world.credits.grant(this.id(action.who), 50, `reason ${action.reason}`)
      case 'move':
        return () => world.credits.moveOwner(this.id(0), this.id(action.to))
      default:
        return action satisfies never
    }
  }

  /** Distinct agents, at most so many copies; index AGENTS is the referee. */
  private copiesOf(agents: readonly number[], copies: number): readonly WorldAgent[] {
    return [...new Set(agents)].slice(0, copies).map((at) => this.agents[at] ?? REFEREE_AGENT)
  }

  private follow(action: Action, target: ModelJob | undefined, happened: boolean, first: unknown): void {
    switch (action.t) {
      case 'submit': {
        const name = `${action.who} ${action.key}`
        if (action.key !== undefined && this.keys.has(name)) return
        const hold = action.shards * action.copies * action.price
        const enough = (this.available[action.who] ?? 0) >= hold
        if (!enough) expect(first).not.toBe('done')
        if (!happened || !enough) return
        this.add(action, hold, name)
        return
      }
      case 'end':
        if (happened && target !== undefined && !target.ended) this.end(target, coveredBy(action, target))
        return
      case 'claim': {
        const owner = this.ownerOf[action.agent]
        if (owner !== undefined && owner !== action.who) {
          expect(first).not.toBe('done')
          return
        }
        if (!happened) return
        this.ownerOf[action.agent] = action.who
        this.give(action.who, this.earned[action.agent] ?? 0)
        this.earned[action.agent] = 0
        return
      }
      case 'grant': {
        const name = `${action.who} ${action.reason}`
        if (!happened || this.granted.has(name)) return
        this.granted.add(name)
        this.give(action.who, 50)
        return
      }
      case 'move': {
        if (!happened) return
        for (const job of this.jobs) if (job.payer === 0) job.payer = action.to
        for (const name of [...this.keys.keys()]) if (name.startsWith('0 ')) this.keys.delete(name)
        this.give(action.to, this.available[0] ?? 0)
        this.available[0] = 0
        return
      }
      default:
    }
  }

  private add(action: Action & { t: 'submit' }, hold: number, name: string): void {
    if (this.submitted === undefined) return
    this.give(action.who, -hold)
    const added: ModelJob = {
      row: this.submitted,
      payer: action.who,
      done: 0,
      ended: false,
      hasTarget: action.hasTarget,
      copies: [],
    }
    this.jobs.push(added)
    if (action.key !== undefined) this.keys.set(name, added)
  }

  private end(job: ModelJob, covered = job.copies.length): void {
    job.ended = true
    const { shard_price, hold, owner_id } = job.row
    const chargeable = (shards: ModelJob['copies']) => shards.flat().filter(({ owner }) => owner !== owner_id)
    const sharesOf = (copies: readonly WorldAgent[]) =>
      this.agents.map((agent) => {
        const own = copies.filter(({ id }) => id === agent.id).length
        return Math.floor((own * shard_price * 800) / 1000)
      })
    const paid = chargeable(job.copies.slice(0, covered))
    const charge = paid.length * shard_price
    const shares = sharesOf(paid)
    this.give(job.payer, hold - charge)
    // Beyond the stopping point the network pays, as far as it can.
    const surplus = sharesOf(chargeable(job.copies.slice(covered)))
    const owed = surplus.reduce((sum, share) => sum + share, 0)
    const means = this.network + charge - shares.reduce((sum, share) => sum + share, 0)
    for (const [at, share] of shares.entries()) {
      const gift = surplus[at] ?? 0
      const earned = share + (owed <= means ? gift : Math.floor((gift * means) / owed))
      const owner = this.ownerOf[at]
      if (owner === undefined) this.earned[at] = (this.earned[at] ?? 0) + earned
      else this.give(owner, earned)
    }
  }

  private give(who: number, credits: number): void {
    this.available[who] = (this.available[who] ?? 0) + credits
  }

  async check(): Promise<void> {
    const available = await Promise.all(this.people.map((owner) => this.world.available(owner)))
    const earned = await Promise.all(this.agents.map(({ id }) => this.world.posted(agentAccount(id))))
    expect({ available, earned }).toEqual({ available: this.available, earned: this.earned })
  }
}

/** Of a job with a target that settles: a stop at one of its durable shards. */
function coveredBy({ how, stop }: Action & { t: 'end' }, job: ModelJob): number | undefined {
  return how === 'settled' && job.hasTarget && job.done > 0 ? Math.min(stop, job.done) : undefined
}

describe('the ledger, whatever is done to it in whatever order, again and with crashes', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  it('is what a model of it says, one action after another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 20 }), async (actions) => {
        const run = await Run.start(database)
        for (const each of actions) {
          await run.perform(each)
          await run.check()
        }
        expect(await auditLedger(database.pool)).toEqual([])
      }),
      { numRuns: 25, endOnFailure: false },
    )
  })

  it('adds up when everything happens at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 40 }), async (actions) => {
        const run = await Run.start(database)
        const held: NewJob[] = []
        for (let at = 0; at < 6; at++)
          held.push(await run.world.submit(run.id(at % PEOPLE), { shards: 4, copies: 1, price: 20 }))
        const worker = run.agents[0] ?? REFEREE_AGENT
        for (const each of held.slice(0, 3)) await run.world.commit(each, [[worker], [REFEREE_AGENT]])
        await Promise.allSettled(
          actions.map((each) => {
            const target = held['job' in each ? each.job % held.length : 0]
            switch (each.t) {
              case 'submit':
                return run.world.submit(run.id(each.who), {
                  shards: each.shards,
                  copies: each.copies,
                  price: each.price,
                })
              case 'claim':
                return run.world.credits.claimAgent(worker.id, run.id(each.who))
              case 'grant':
                return run.world.credits.grant(run.id(each.who), 50, 'once')
              case 'move':
                return run.world.credits.moveOwner(run.id(0), run.id(each.to))
              case 'end':
                return (
                  target &&
                  run.world.jobs.transition(
                    target.id,
                    UNFINISHED,
                    each.how === 'settled' ? 'failed' : each.how,
                  )
                )
              case 'commit':
                return target && run.world.settle(target)
              default:
                return each satisfies never
            }
          }),
        )
        expect(await auditLedger(database.pool)).toEqual([])
      }),
      { numRuns: 8 },
    )
  })
})
