import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { ContractInput } from '../../kernel/contract.ts'
import { bytesToHex, sha256 } from '../../kernel/digest.ts'
import type { Cluster } from '../../scripts/cluster/start.mjs'
import { Api, type DemoJob } from '../api.ts'
import { noise } from '../checks/product.ts'
import { Client, postOf } from '../client.ts'
import { settleUp, wealth } from '../credits.ts'
import { type Person, signIn, withSecret } from '../people.ts'
import { costFaults, deploymentFaults, evidenceFaults } from './checks.ts'
import { type Kill, killKinds, killOne, seededNumbers } from './victims.ts'

/**
 * `npm run cluster -- --torment N`: the same contracts undisturbed, then again and again while processes of the cluster are
 * killed with -9. Every job has to end with the digest of the undisturbed one, each shard accepted and paid once.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SUBMITTER = 'Katherine'
const CONTRIBUTORS = ['Ada', 'Grace', 'Edsger']
const POLL_MS = 500
const AGAIN_MS = 500
/** Without a shard accepted for so long, nothing will come any more. */
const STUCK_LIMIT_MS = 300_000
/** Until one request is answered, whatever is killed meanwhile. */
const REQUEST_LIMIT_MS = 240_000
/** Between the moment a victim is back and the next kill. */
const PAUSE_MS = 4000
/** The share of kills that do not wait for the last victim. */
const HASTY = 0.25
const PI_SHARD_POINTS = 2 ** 22
const GBM_STEPS = 64
const GBM_SHARD_PATHS = 2 ** 22 / GBM_STEPS
const GBM_SHARE = 0.5
/** Sixteen tiles of 256 KiB, each uploaded as a blob. */
const [PRODUCT_SIDE, PRODUCT_DEPTH] = [1024, 256]
const ENDED: ReadonlySet<string> = new Set(['settled', 'failed', 'cancelled', 'expired'])

export interface TormentOptions {
  readonly kills: number
  readonly seed: number
  /** Of the larger contract. */
  readonly shards: number
}

export interface TormentOutcome {
  readonly ok: boolean
  readonly seed: number
  readonly kills: readonly Kill[]
  readonly jobs: number
  /** Accepted while processes were killed. */
  readonly shards: number
  /** Copies of them that were accepted; more is work done twice. */
  readonly copies: number
  /** Credits charged for those jobs, and the most that they could have cost. */
  readonly charged: number
  readonly price: number
  readonly undisturbed_s: number
  readonly tormented_s: number
  readonly faults: readonly string[]
}

interface Task {
  readonly title: string
  readonly contract: ContractInput
  /** Operands. */
  readonly blobs: readonly Uint8Array[]
}

/** @param say takes one line for people. @throws Error when nothing moves any more */
export async function torment(
  cluster: Cluster,
  options: TormentOptions,
  say: (line: string) => void,
): Promise<TormentOutcome> {
  const visitor = new Client(cluster.url)
  const tasks = tasksOf(options)
  const submitter = await signIn(visitor, cluster.data, SUBMITTER)
  const contributors: Person[] = []
  for (const name of CONTRIBUTORS) contributors.push(await signIn(visitor, cluster.data, name))
  for (const person of contributors) await startAgent(cluster, person)
  const { token } = await withSecret(submitter, 'keys')
  const client = visitor.as({ authorization: `Bearer ${token}` })
  const api = new Api(client)
  const before = new Map<Person, number>()
  for (const person of [submitter, ...contributors]) before.set(person, await wealth(person))
  for (const { blobs } of tasks) for (const blob of blobs) await patiently(() => api.upload(blob))
  const prices: number[] = []
  for (const { contract } of tasks) prices.push(await api.price(contract))
  const run = async (round: number): Promise<DemoJob[]> => {
    const ids = await Promise.all(tasks.map(({ contract }) => submit(client, contract)))
    return await watch(api, ids, (jobs) =>
      say(
        `  round ${round}: ${jobs.map((job) => `${job?.progress.accepted ?? 0}/${job?.shard_count ?? '?'} ${job?.state ?? ''}`).join(', ')}`,
      ),
    )
  }

  say(`undisturbed: ${tasks.map(({ title }) => title).join('; ')}`)
  const undisturbed_ms = performance.now()
  const reference = await run(0)
  const undisturbed_s = secondsSince(undisturbed_ms)
  for (const [at, job] of reference.entries())
    if (job.state !== 'settled' || job.result_digest === null)
      throw new Error(`${tasks[at]?.title}: ${job.state} without any kill: ${job.failure?.message ?? ''}`)
  say(`undisturbed: ${undisturbed_s} s; now ${options.kills} kills, seed ${options.seed}`)

  const tormented_ms = performance.now()
  const rounds: DemoJob[][] = []
  const kills: Kill[] = []
  let isOver = false
  const killing = killAll(cluster, options, kills, say).finally(() => {
    isOver = true
  })
  killing.catch(() => {})
  do rounds.push(await run(rounds.length + 1))
  while (!isOver)
  await killing
  const tormented_s = secondsSince(tormented_ms)

  const faults: string[] = []
  for (const jobs of rounds)
    for (const [at, job] of jobs.entries()) {
      const found = (text: string) => faults.push(`${tasks[at]?.title}, job ${job.id}: ${text}`)
      if (job.state !== 'settled') found(`${job.state}: ${job.failure?.message ?? ''}`)
      if (job.result_digest !== reference[at]?.result_digest) found(`its digest is ${job.result_digest}`)
      if (job.progress.accepted !== job.shard_count)
        found(`${job.progress.accepted} of ${job.shard_count} shards`)
    }
  const jobs = [reference, ...rounds].flatMap((round) =>
    round.map((job, at) => ({ job, price: prices[at] ?? 0 })),
  )
  say(`tormented: ${tormented_s} s; checking ${jobs.length} jobs`)
  const folder = path.join(cluster.data, 'evidence')
  mkdirSync(folder, { recursive: true })
  for (const { job, price } of jobs) {
    if (job.state !== 'settled') continue
    const found = [...costFaults(job, price), ...(await patiently(() => evidenceFaults(client, job, folder)))]
    faults.push(...found.map((text) => `job ${job.id}: ${text}`))
  }
  const money = await patiently(() =>
    settleUp(
      submitter,
      contributors,
      jobs.map(({ job }) => job),
      before,
    ),
  )
  if (!money.ok) faults.push(`bills, statements and balances do not agree: ${JSON.stringify(money)}`)
  await cluster.stop()
  faults.push(...(await deploymentFaults(cluster.data)))

  const done = rounds.flat()
  const outcome: TormentOutcome = {
    ok: faults.length === 0,
    seed: options.seed,
    kills,
    jobs: done.length,
    shards: sum(done.map(({ progress }) => progress.accepted)),
    copies: sum(done.map(({ progress }) => progress.copies)),
    charged: sum(done.map(({ cost }) => cost?.charged ?? 0)),
    price: rounds.length * sum(prices),
    undisturbed_s,
    tormented_s,
    faults,
  }
  report(outcome, say)
  return outcome
}

/** About as much work of each kind of policy as the other, and a product whose operands and tiles are blobs. */
function tasksOf({ shards }: TormentOptions): Task[] {
  const seed = { mode: 'explicit', value: 'torment' } as const
  const gbmShards = Math.max(1, Math.round(shards * GBM_SHARE))
  return [
    {
      title: `mc@1/pi.v1, ${shards} shards, quorum 2`,
      contract: {
        contract: 1,
        op: { name: 'mc', version: 1, profile: 'pi.v1' },
        args: { points: shards * PI_SHARD_POINTS },
        seed,
        verify: { mode: 'quorum', k: 2 },
      },
      blobs: [],
    },
    {
      title: `mc@1/gbm.v1, ${gbmShards} shards, adaptive`,
      contract: {
        contract: 1,
        op: { name: 'mc', version: 1, profile: 'gbm.v1' },
        args: {
          ...{ spot: 100, strike: 105, rate: 0.03, dividend_yield: 0.01, volatility: 0.2, maturity_years: 1 },
          ...{ steps: GBM_STEPS, paths: gbmShards * GBM_SHARD_PATHS, style: 'asian', right: 'call' },
        },
        seed,
        verify: { mode: 'adaptive', epsilon: 1e-4 },
      },
      blobs: [],
    },
    product(),
  ]
}

function product(): Task {
  const values = (seed: number) => new Uint8Array(noise(PRODUCT_SIDE * PRODUCT_DEPTH, seed).buffer)
  const [a, b] = [values(1), values(2)]
  const operand = (bytes: Uint8Array, shape: [number, number]) => ({
    digest: bytesToHex(sha256(bytes)),
    dtype: 'int8' as const,
    shape,
  })
  return {
    title: `tensor@1/matmul.v1, ${PRODUCT_SIDE} × ${PRODUCT_DEPTH} × ${PRODUCT_SIDE}, quorum 2`,
    contract: {
      contract: 1,
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: {
        a: operand(a, [PRODUCT_SIDE, PRODUCT_DEPTH]),
        b: operand(b, [PRODUCT_DEPTH, PRODUCT_SIDE]),
      },
      seed: { mode: 'derived' },
      verify: { mode: 'quorum', k: 2 },
    },
    blobs: [a, b],
  }
}

/** An agent process of that person's, with a key of its own, through the proxy. */
async function startAgent({ processes, data, url }: Cluster, person: Person): Promise<void> {
  const { token } = await withSecret(person, 'nodeTokens')
  const name = `agent-${person.name.toLowerCase()}`
  const file = path.join(data, `${name}.token`)
  writeFileSync(file, token, { mode: 0o600 })
  await processes.keep({
    name,
    command: process.execPath,
    args: [
      path.join(ROOT, 'dist/agent.mjs'),
      ...['--hub', url, '--token-file', file, '--key-file', path.join(data, `${name}.key`)],
      ...['--executor', 'cpu', '--threads', '1', '--name', name],
    ],
    cwd: ROOT,
    where: person.name,
  })
}

/** Executed, whatever the record of an earlier job could answer; once, however often the request is repeated. @returns its id */
async function submit(client: Client, contract: ContractInput): Promise<string> {
  const post = postOf(contract)
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
  const answer = await patiently(() => client.json('/api/v0/ops/execute?replay=never', { ...post, headers }))
  return z.object({ id: z.string() }).parse(answer).id
}

/** @returns the jobs when all have ended. @throws Error when nothing was accepted for a long time */
async function watch(
  api: Api,
  ids: readonly string[],
  show: (jobs: readonly (DemoJob | undefined)[]) => void,
): Promise<DemoJob[]> {
  const jobs: (DemoJob | undefined)[] = ids.map(() => undefined)
  let [seen, moved_ms] = ['', performance.now()]
  for (;;) {
    for (const [at, id] of ids.entries())
      if (!ENDED.has(jobs[at]?.state ?? '')) jobs[at] = await api.job(id).catch(() => jobs[at])
    const ended = jobs.flatMap((job) => (job !== undefined && ENDED.has(job.state) ? [job] : []))
    const now = jobs.map((job) => `${job?.progress.accepted} ${job?.state}`).join()
    if (now !== seen) {
      ;[seen, moved_ms] = [now, performance.now()]
      show(jobs)
    }
    if (ended.length === ids.length) return ended
    if (performance.now() - moved_ms > STUCK_LIMIT_MS)
      throw new Error(`nothing moves: ${ids.join(', ')}: ${now}`)
    await delay(POLL_MS)
  }
}

async function killAll(
  cluster: Cluster,
  { kills, seed }: TormentOptions,
  done: Kill[],
  say: (line: string) => void,
): Promise<void> {
  const random = seededNumbers(seed)
  const start = performance.now()
  const backs: Promise<void>[] = []
  for (const kind of killKinds(kills, random, cluster.hasNats)) {
    await delay(random() * PAUSE_MS)
    const isHasty = random() < HASTY
    let killed = await killOne(kind, cluster, random, performance.now() - start)
    // One of that kind comes back sooner or later.
    while (killed === undefined) {
      await delay(AGAIN_MS)
      killed = await killOne(kind, cluster, random, performance.now() - start)
    }
    const { kill, back } = killed
    done.push(kill)
    backs.push(back)
    say(`kill ${done.length}: ${kill.name} (pid ${kill.pid}) at ${(kill.at_ms / 1000).toFixed(1)} s`)
    if (!isHasty) await back
  }
  await Promise.all(backs)
}

/** Repeats what failed because something is down. @throws the last error, when the time is over */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + REQUEST_LIMIT_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(AGAIN_MS)
    }
  }
}

function report({ ok, kills, faults, ...figures }: TormentOutcome, say: (line: string) => void): void {
  say('')
  say('   at s  victim         pid       back after s')
  for (const { at_ms, name, pid, back_ms } of kills)
    say(
      `${(at_ms / 1000).toFixed(1).padStart(7)}  ${name.padEnd(13)}  ${String(pid).padEnd(8)}  ${back_ms === undefined ? 'never' : (back_ms / 1000).toFixed(1)}`,
    )
  say('')
  for (const fault of faults) say(`✗ ${fault}`)
  const { jobs, shards, copies, undisturbed_s, tormented_s, seed } = figures
  say(
    `${ok ? '✓' : '✗'} seed ${seed}: ${kills.length} kills, ${jobs} jobs, ${shards} shards in ${copies} copies, ${tormented_s} s (undisturbed ${undisturbed_s} s a round)${ok ? ': same digests, evidence verifies, every shard accepted and paid once' : ''}`,
  )
}

function secondsSince(start_ms: number): number {
  return Math.round((performance.now() - start_ms) / 100) / 10
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
