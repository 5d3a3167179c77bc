import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Agents, type Contributor, startAgents } from './agents.ts'
import { Api, type DemoJob } from './api.ts'
import { Client } from './client.ts'
import { type Check, type DemoContract, demoContracts } from './contracts.ts'
import { type MoneyReport, settleUp, wealth } from './credits.ts'
import type { PartnerSite } from './partner/site.ts'
import { type Person, signIn, withSecret } from './people.ts'
import { ProgressBars } from './progress.ts'
import { openPartner } from './publisher.ts'
import { Site } from './site.ts'

/**
 * The whole product at work on real data: starts the site, opens three contributors' tabs, submits contracts, and
 * prints each verified result beside a check that shares nothing with the network. See `--help`.
 */

const HELP = `Usage: npm run demo -- [options]

Starts the site with its database on http://localhost:3000, signs up a submitter and three contributors, opens their
tabs in a real browser and submits four contracts on real data. Prints each verified result beside an independent check.

  --once         stop after the results; exit 0 when every check holds, 1 otherwise
  --json         print one JSON object at the end (on standard output; all else goes to standard error)
  --port N       use another port than 3000
  -h, --help     this text`

/** Submits the contracts, by a program with an API key. */
const SUBMITTER = 'Katherine'
const CONTRIBUTORS = [
  { name: 'Ada', wish: 'webgpu' },
  { name: 'Grace', wish: 'webgpu' },
  { name: 'Edsger', wish: 'cpu' },
] as const

const POLL_MS = 300
const JOB_TIMEOUT_MS = 600_000

interface Row {
  readonly demo: DemoContract
  readonly id: string
  readonly started_ms: number
  job: DemoJob | undefined
  seconds: number
  check: Check | undefined
}

function options() {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      port: { type: 'string', default: process.env.PORT ?? '3000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Error(`--port: ${values.port} is not a port number`)
  return { ...values, port }
}

async function main(): Promise<void> {
  const { once: once_only, json, port, help } = options()
  if (help) {
    console.log(HELP)
    return
  }
  const out = json ? process.stderr : process.stdout
  const say = (line: string) => out.write(`${line}\n`)
  const site = new Site(port, say)
  let agents: Agents | undefined
  let key: Awaited<ReturnType<typeof withSecret>> | undefined
  let partner: PartnerSite | undefined
  const stop = async () => {
    await partner?.close()
    await agents?.close()
    // A site that is gone cannot revoke anything, and that must not keep the rest from ending.
    await key?.revoke().catch(() => undefined)
    await site.stop()
  }
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  try {
    say('Starting the site …')
    await site.start()
    say(`  ${site.url}  (process ${site.pid})`)
    const visitor = new Client(site.url)
    const demos = demoContracts()
    const submitter = await solventSubmitter(visitor, site.dataDir, demos)
    const contributors: Contributor[] = []
    for (const { name, wish } of CONTRIBUTORS)
      contributors.push({ person: await signIn(visitor, site.dataDir, name), wish })
    say('Three contributors:')
    agents = await startAgents(site.url, contributors)
    for (const line of agents.lines) say(`  ${line}`)
    key = await withSecret(submitter, 'keys')
    const api = new Api(visitor.as({ authorization: `Bearer ${key.token}` }))
    const people = { submitter, contributors: contributors.map(({ person }) => person) }
    const outcome = await Promise.race([execute(api, demos, people, agents, out), interrupted])
    if (outcome === undefined) return
    if (json) process.stdout.write(`${JSON.stringify(outcome.report)}\n`)
    if (!outcome.report.ok) process.exitCode = 1
    if (once_only) return
    partner = await openPartner(visitor, site.dataDir)
    say(`\nA partner's page embeds the agent: ${partner.origin}`)
    say(`The site stays up at ${site.url} until Ctrl-C.`)
    await interrupted
  } finally {
    await stop()
  }
}

/** The submitter's account; a new one when the test credits of the one he had are used up. */
async function solventSubmitter(
  site: Client,
  dataDir: string,
  demos: readonly DemoContract[],
): Promise<Person> {
  const submitter = await signIn(site, dataDir, SUBMITTER)
  let price = 0
  for (const { contract } of demos) price += await new Api(submitter.client).price(contract)
  return (await wealth(submitter)) >= price ? submitter : signIn(site, dataDir, SUBMITTER, true)
}

async function execute(
  api: Api,
  demos: readonly DemoContract[],
  { submitter, contributors }: { readonly submitter: Person; readonly contributors: readonly Person[] },
  agents: Agents,
  out: NodeJS.WriteStream,
) {
  const say = (line: string) => out.write(`${line}\n`)
  const before = new Map<Person, number>()
  for (const person of [submitter, ...contributors]) before.set(person, await wealth(person))
  const rows: Row[] = []
  say(`\nContracts of ${submitter.name}:`)
  for (const demo of demos) {
    for (const blob of demo.blobs) await api.upload(blob)
    const id = await api.submit(demo.contract)
    rows.push({ demo, id, started_ms: performance.now(), job: undefined, seconds: 0, check: undefined })
    say(`  ${rows.length}. ${demo.title}\n     ${submitter.client.url}/jobs/${id}`)
  }
  say('')
  await watch(api, rows, new ProgressBars(out))
  say('\nVerified results:')
  for (const row of rows) await verify(api, row)
  for (const [index, row] of rows.entries()) report(say, index, row, agents.gpu)
  const jobs = rows.flatMap(({ job }) => (job === undefined ? [] : [job]))
  const credits = await settleUp(submitter, contributors, jobs, before)
  reportCredits(say, submitter.name, credits)
  const contracts = rows.map(toJson)
  const ok = credits.ok && rows.every((row) => row.check?.ok === true && executorsOk(row, agents.gpu))
  say(ok ? '\nAll results agree with their independent checks.' : '\nNOT all checks hold.')
  return { report: { ok, contracts, credits } }
}

function reportCredits(say: (line: string) => void, payer: string, credits: MoneyReport): void {
  const amount = (number: number) => number.toLocaleString('en-US').padStart(10)
  say('\nCredits:')
  say(`  ${payer.padEnd(12)} paid   ${amount(credits.paid)}`)
  for (const [name, earned] of Object.entries(credits.earned))
    say(`  ${name.padEnd(12)} earned ${amount(earned)}`)
  say(`  ${'the network'.padEnd(12)} kept   ${amount(credits.network)}`)
  say(
    credits.ok
      ? '  ✓ costs of the jobs, lines of the statements and changes of the balances agree'
      : '  ✗ the money does NOT add up',
  )
}

/** Polls until every job has ended. A restart of the site in between only makes a poll fail. */
async function watch(api: Api, rows: readonly Row[], bars: ProgressBars): Promise<void> {
  const deadline_ms = performance.now() + JOB_TIMEOUT_MS
  const ended = (row: Row) =>
    row.job !== undefined && ['settled', 'failed', 'cancelled', 'expired'].includes(row.job.state)
  while (!rows.every(ended)) {
    for (const row of rows) {
      if (ended(row)) continue
      row.job = await api.job(row.id).catch(() => row.job)
      row.seconds = (performance.now() - row.started_ms) / 1000
    }
    bars.show(
      rows.map((row, index) => ({
        label: `${index + 1}. ${(row.job?.op ?? '').padEnd(18)}`,
        done: row.job?.progress.accepted ?? 0,
        total: row.job?.shard_count ?? 1,
        note: `${row.job?.state ?? 'waiting'}  ${row.seconds.toFixed(0)} s`,
      })),
    )
    if (performance.now() > deadline_ms) throw new Error('the contracts did not finish in time')
    await delay(POLL_MS)
  }
  bars.end()
}

async function verify(api: Api, row: Row): Promise<void> {
  const { job } = row
  if (job?.state !== 'settled' || job.result === null) return
  row.check = await row.demo.check({
    result: job.result,
    async artifact(name) {
      const artifact = job.artifacts.find((candidate) => candidate.name === name)
      if (artifact === undefined) throw new Error(`the job has no artifact ${name}`)
      return await api.download(artifact.digest)
    },
  })
}

/** Where there is a GPU, both kinds of executors must have taken part. */
function executorsOk(row: Row, gpu: boolean): boolean {
  const shards = row.job?.progress.by_executor
  if (shards === undefined) return false
  return shards.cpu + shards.wasm > 0 && (!gpu || shards.webgpu > 0)
}

function report(say: (line: string) => void, index: number, row: Row, gpu: boolean): void {
  const { job, check } = row
  say(`\n  ${index + 1}. ${row.demo.title}`)
  if (job === undefined || check === undefined) {
    say(`     ✗ ${job?.state ?? 'unknown'}: ${job?.failure?.message ?? 'no result'}`)
    return
  }
  const { by_executor, copies, owners } = job.progress
  say(`     ${check.ok ? '✓' : '✗'} ${check.line}`)
  say(
    `     ${job.shard_count} shards, ${copies} copies by ${owners} owners: webgpu ${by_executor.webgpu}, wasm ${by_executor.wasm}, cpu ${by_executor.cpu}; ${row.seconds.toFixed(1)} s`,
  )
  if (!executorsOk(row, gpu)) say('     ✗ not every kind of executor took part')
  say(`     replay key    ${job.replay_key}\n     result digest ${job.result_digest}`)
}

function toJson(row: Row) {
  const { job, check } = row
  return {
    op: job?.op ?? '',
    replayKey: job?.replay_key ?? null,
    resultDigest: job?.result_digest ?? null,
    result: job?.result ?? null,
    check:
      check === undefined
        ? null
        : {
            kind: check.kind,
            expected: check.expected,
            actual: check.actual,
            tolerance: check.tolerance,
            ok: check.ok,
          },
    shards: job?.progress.by_executor ?? null,
    copies: job?.progress.copies ?? 0,
    owners: job?.progress.owners ?? 0,
    seconds: Math.round(row.seconds * 10) / 10,
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
})
