import { Queue, Worker } from 'bullmq'
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { Redis } from 'ioredis'
import pg from 'pg'
import PgBoss from 'pg-boss'
import { z } from 'zod'
import { answerParent } from './child.ts'

/**
 * Job queues that people would use instead, each in a process of its own. A job does nothing. Jobs are put in before the
 * clock runs; what is timed is fetching and completing them, durably.
 */

const setup = z.strictObject({ peer: z.enum(['graphile-worker', 'pg-boss', 'bullmq']), url: z.string() })

/** Settings that their documentation gives for throughput; chosen by measuring around them. */
export const SETTINGS = {
  graphile: { concurrentJobs: 24, local_queue: 500, complete_batch_ms: 0, connections: 24 },
  boss: { batch: 1000, lanes: 4 },
  bullmq: { concurrency: 500 },
} as const

interface QueuePeer {
  fill(jobs: number): Promise<void>
  /** Completes everything that was put in. */
  drain(): Promise<void>
  close(): Promise<void>
}

let peer: QueuePeer | undefined

answerParent({
  async start(input) {
    const { peer: name, url } = setup.parse(input)
    peer = await OPEN[name](url)
  },
  /** @returns seconds */
  async sample(input) {
    const jobs = z.int().parse(input)
    if (peer === undefined) throw new Error('not started')
    await peer.fill(jobs)
    const started = performance.now()
    await peer.drain()
    return (performance.now() - started) / 1000
  },
  close: () => peer?.close(),
})

const OPEN = { 'graphile-worker': openGraphile, 'pg-boss': openBoss, bullmq: openBull } as const

async function openGraphile(connectionString: string): Promise<QueuePeer> {
  const { concurrentJobs, local_queue, complete_batch_ms, connections } = SETTINGS.graphile
  const pool = new pg.Pool({ connectionString, max: connections })
  pool.on('error', () => {})
  // A line a job would be most of what it does.
  const logger = new Logger(() => () => {})
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  await utils.migrate()
  let left = 0
  let finished: (() => void) | undefined
  return {
    async fill(jobs) {
      left = jobs
      await pool.query(
        `SELECT graphile_worker.add_jobs(array(SELECT ('noop', '{}'::json, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec FROM generate_series(1, $1)))`,
        [jobs],
      )
      await pool.query('VACUUM ANALYZE')
    },
    async drain() {
      const done = new Promise<void>((resolve) => {
        finished = resolve
      })
      const runner = await run({
        pgPool: pool,
        logger,
        taskList: {
          noop: () => {
            if (--left === 0) finished?.()
          },
        },
        preset: {
          worker: {
            logger,
            concurrentJobs,
            localQueue: { size: local_queue },
            completeJobBatchDelay: complete_batch_ms,
          },
        },
        noHandleSignals: true,
      })
      await done
      // Its last completions are under way.
      await runner.stop()
    },
    async close() {
      await utils.release()
      await pool.end()
    },
  }
}

async function openBoss(connectionString: string): Promise<QueuePeer> {
  const { batch, lanes } = SETTINGS.boss
  const boss = new PgBoss({ connectionString, max: 2 * lanes, supervise: false, schedule: false })
  await boss.start()
  const queue = 'noop'
  await boss.createQueue(queue)
  const lane = async () => {
    for (;;) {
      const jobs = await boss.fetch(queue, { batchSize: batch })
      if (jobs.length === 0) return
      await boss.complete(
        queue,
        jobs.map(({ id }) => id),
      )
    }
  }
  return {
    async fill(jobs) {
      const part = 5000
      for (let at = 0; at < jobs; at += part)
        await boss.insert(
          Array.from({ length: Math.min(part, jobs - at) }, () => ({ name: queue, data: {} })),
        )
    },
    drain: async () => void (await Promise.all(Array.from({ length: lanes }, lane))),
    close: () => boss.stop({ graceful: false }),
  }
}

async function openBull(url: string): Promise<QueuePeer> {
  const { hostname: host, port } = new URL(url)
  const connection = new Redis(Number(port), host, { maxRetriesPerRequest: null })
  const name = 'noop'
  const queue = new Queue(name, { connection })
  const { concurrency } = SETTINGS.bullmq
  let left = 0
  let finished: (() => void) | undefined
  return {
    async fill(jobs) {
      left = jobs
      const part = 1000
      const options = { removeOnComplete: true }
      for (let at = 0; at < jobs; at += part)
        await queue.addBulk(
          Array.from({ length: Math.min(part, jobs - at) }, () => ({ name, data: {}, opts: options })),
        )
    },
    async drain() {
      const done = new Promise<void>((resolve) => {
        finished = resolve
      })
      const worker = new Worker(name, async () => {}, { connection, concurrency })
      worker.on('completed', () => {
        if (--left === 0) finished?.()
      })
      await done
      await worker.close()
    },
    async close() {
      await queue.close()
      connection.disconnect()
    },
  }
}
