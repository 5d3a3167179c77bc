import { expect, it } from 'vitest'
import type { AcceptedRun } from '../../kernel/acceptance.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { StoredGroup } from '../memory/ports/results.ts'
import type { HubEvent } from './core/events.ts'
import { DoubtDesk } from './doubt-desk.ts'
import { type Word, wordKey } from './doubtful-shards.ts'
import type { JobRuntime } from './job-runtime.ts'
import { ShardSet } from './shard-set.ts'

const eve = { agent: 'eve', executor: 'cpu' } as const
const bob = { agent: 'bob', executor: 'cpu' } as const

const OWN = 5
const OTHER = 4
const GONE = 3

function group(epoch: number, seq: number, first: number, word: Word): StoredGroup {
  const run: AcceptedRun = {
    first,
    count: 2,
    method: 'single',
    digests: new Uint8Array(64),
    leaves: [],
    copies: [{ ...word, owner: 'somebody' }],
  }
  return { job_id: 'job', epoch, seq, is_replacement: false, runs: [run], findings: NO_FINDINGS }
}

/** A hub with one job, of which this stands in the store. */
function desk(rows: readonly StoredGroup[], failed: readonly Word[] = []) {
  const said: HubEvent[] = []
  const log: string[] = []
  const job = {
    id: 'job',
    created_at: new Date(0),
    singles: new Map([eve, bob].map((word) => [wordKey(word), word])),
    rechecked: new ShardSet(100),
    finishing: false,
  }
  const store = { isThere: true, reads: 0 }
  const made = new DoubtDesk({
    epoch: OWN,
    results: {
      async *loadOf(_jobId, agents, wants = () => true) {
        store.reads++
        if (!store.isThere) throw new Error('the store is away')
        for (const row of rows)
          if (wants(row) && row.runs.some(({ copies }) => copies.some(({ agent }) => agents.includes(agent))))
            yield row
      },
    },
    trust: {
      failedSince: async (who) => who.filter((word) => failed.some((one) => one.agent === word.agent)),
    },
    running: { all: () => [job as unknown as JobRuntime].values() },
    log: (_level, message) => log.push(message),
    tell: (event) => said.push(event),
    durable: async () => {},
    isOther: (epoch) => epoch === OTHER,
  })
  return { made, said, log, job, store }
}

const ROWS = [
  group(GONE, 0, 0, eve),
  group(OTHER, 0, 10, eve),
  group(OWN, 0, 20, eve),
  group(OWN, 1, 30, bob),
]

it('has executed again what rests on the word of an agent found wrong, but for what a hub that is there has accepted', async () => {
  const { made, said } = desk(ROWS)
  await made.doubt(eve)
  const spans = [
    { first: 0, count: 2 },
    { first: 20, count: 2 },
  ]
  expect(said).toEqual([{ t: 'job.doubted', job_id: 'job', spans }])
})

it('reads nothing for an agent on whose word nothing rests, and for one with another executor', async () => {
  const { made, said, store } = desk(ROWS)
  await made.doubt({ agent: 'mallory', executor: 'cpu' })
  await made.doubt({ agent: 'eve', executor: 'webgpu' })
  expect(store.reads).toBe(0)
  expect(said).toEqual([])
})

it('looks up several at once, and leaves out what was executed again', async () => {
  const { made, said, job, store } = desk(ROWS)
  job.rechecked.add(20)
  await Promise.all([made.doubt(eve), made.doubt(bob), made.doubt(bob)])
  expect(store.reads).toBe(2)
  const spans = said.flatMap((event) => (event.t === 'job.doubted' ? event.spans : []))
  expect(spans).toEqual([
    { first: 0, count: 2 },
    { first: 21, count: 1 },
    { first: 30, count: 2 },
  ])
})

it('leaves a job alone whose result is being made, and what cannot be read: the finisher looks again', async () => {
  const { made, said, log, job, store } = desk(ROWS)
  store.isThere = false
  await made.doubt(eve)
  expect(log).toEqual(['what rests on the word of an agent found wrong is looked up when its job ends'])
  store.isThere = true
  job.finishing = true
  await made.doubt(eve)
  expect(said).toEqual([])
  job.finishing = false
  await made.doubt(eve)
  expect(said).toHaveLength(1)
})

it('goes on with what an earlier life had to have executed again', async () => {
  const { made, said, job } = desk(ROWS, [bob])
  await made.resume(job as unknown as JobRuntime)
  expect(said).toEqual([{ t: 'job.doubted', job_id: 'job', spans: [{ first: 30, count: 2 }] }])
})
