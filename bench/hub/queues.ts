import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { median, short } from '../pairs.ts'
import { packageVersion } from '../peer-process.ts'
import type { SuiteOptions } from '../suite.ts'
import { type Ground, until } from './ground.ts'

/** Job queues of others on the same machine, in the same run. */

const JOBS = 20_000

export interface QueueRate {
  readonly name: string
  /** Jobs a second. */
  readonly value: number
  readonly note: string
}

/** The settings of queue-peer.ts, in words. */
const WORDS = {
  'graphile-worker':
    'the same PostgreSQL, 24 jobs at once, local queue of 500, completions batched without delay, 24 connections',
  'pg-boss': 'the same PostgreSQL, 4 lanes that fetch and complete 1,000 jobs a statement',
  bullmq: 'Redis with appendonly and appendfsync always, 500 jobs at once, completed jobs removed',
} as const

type PeerName = keyof typeof WORDS

/** @throws Error when a queue is missing or breaks, with what to do */
export async function queueRates(ground: Ground, options: SuiteOptions): Promise<readonly QueueRate[]> {
  const redis = await startRedis()
  try {
    return [
      await rateOf(ground, 'graphile-worker', await ground.database(), options),
      await rateOf(ground, 'pg-boss', await ground.database(), options),
      await rateOf(ground, 'bullmq', redis.url, options),
    ]
  } finally {
    await redis.close()
  }
}

async function rateOf(
  ground: Ground,
  peer: PeerName,
  url: string,
  { rounds, say }: SuiteOptions,
): Promise<QueueRate> {
  const child = await ground.child('queue-peer')
  await child.ask('start', { peer, url }, z.unknown())
  // The first sample also brings compilers and caches to where they stay.
  const samples: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const rate = JOBS / (await child.ask('sample', JOBS, z.number()))
    if (round > 0) samples.push(rate)
    say(`  ${peer} ${round}/${rounds}: ${short(rate)} jobs/s`)
  }
  await child.ask('close', null, z.unknown())
  await child.end()
  const value = median(samples)
  const name = `${peer} ${packageVersion(peer) ?? ''}`.trim()
  return { name, value, note: `${name}: ${short(value)} jobs/s (${WORDS[peer]})` }
}

async function startRedis(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-bench-redis-'))
  const port = await freePort()
  const arguments_ = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const child = spawn('redis-server', [...arguments_, '--appendonly', 'yes', '--appendfsync', 'always'], {
    stdio: 'ignore',
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  const started = await Promise.race([until('redis-server', 10_000, () => answers(port)), ended])
  if (started === undefined) throw new Error('there is no redis-server (apt-get install redis-server)')
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      child.kill()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(undefined))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
