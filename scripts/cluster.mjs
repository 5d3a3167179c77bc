// `npm run cluster -- --hubs 3`: several hubs on one PostgreSQL and three nats-server nodes behind one address, on this
// machine, for trying out and for killing. Everything that ends is started again until Ctrl-C. With `--torment N` it kills
// by itself while real jobs run, and checks what came out.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startCluster } from './cluster/start.mjs'
import { ensureNatsServer } from './nats.mjs'
import { setup } from './setup.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const HELP = `npm run cluster -- [--hubs 3] [--port 3000] [--data .forge/cluster]
npm run cluster -- --torment N [--hubs 3] [--seed S] [--shards 300] [--data FOLDER] [--keep] [--json]
                   --without-nats, with either: no NATS nodes, PostgreSQL hands the chunks out

Starts three nats-server nodes with JetStream, PostgreSQL (embedded, or the one of DATABASE_URL), that many hubs, and a proxy
on 127.0.0.1 that gives each connection to the next hub that is ready. Prints every process with its pid; kill any of them with -9, and it
is started again after a second.

  --torment N   does it by itself, on free ports and a temporary folder: real contracts run undisturbed, then again while N
                processes (hubs, NATS nodes, PostgreSQL, agents) are killed with -9 one after another at seeded moments. Then
                digests, evidence, ledger and money are checked. Exit code 1, with the seed, when anything differs
  --seed S      which kills, and when (default: by the clock)
  --shards S    of each contract (default 300)
  --keep        leaves the temporary folder
  --json        one JSON line on standard output at the end; everything else goes to standard error`

const HUBS_LIMIT = 16
const KILLS_LIMIT = 10_000
const SHARDS_LIMIT = 100_000
const SEED_LIMIT = 2 ** 32 - 1

/** @param {string} text @param {number} high */
function count(text, high) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > high)
    throw new Error(`${text} is not a number up to ${high}`)
  return value
}

/**
 * Builds everything that the cluster needs.
 * @param {boolean} withNats
 * @returns {Promise<string | undefined>} the executable of nats-server
 */
async function prepare(withNats) {
  await setup({ browser: false, quiet: true })
  const nats = withNats ? await ensureNatsServer() : undefined
  if (nats?.found === false)
    throw new Error(`missing: ${nats.what}\n${nats.how}\nor, to do without: --without-nats`)
  await new Promise((resolve, reject) => {
    const build = spawn(process.execPath, [path.join(ROOT, 'scripts/build.mjs')], { stdio: ['ignore', 2, 2] })
    build.on('close', (code) => (code === 0 ? resolve(undefined) : reject(new Error('the build failed'))))
  })
  return nats?.path
}

/** A folder that PostgreSQL's account may pass through too. */
function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-cluster-'))
  chmodSync(folder, 0o711)
  return folder
}

async function main() {
  const { values } = parseArgs({
    options: {
      hubs: { type: 'string', default: '3' },
      port: { type: 'string' },
      data: { type: 'string' },
      torment: { type: 'string' },
      seed: { type: 'string' },
      shards: { type: 'string', default: '300' },
      keep: { type: 'boolean', default: false },
      'without-nats': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const hubs = Math.max(1, count(values.hubs, HUBS_LIMIT))
  const isTorment = values.torment !== undefined
  const port = count(values.port ?? (isTorment ? '0' : '3000'), 65_535)
  const kills = count(values.torment ?? '0', KILLS_LIMIT)
  const shards = Math.max(1, count(values.shards, SHARDS_LIMIT))
  const seed = count(values.seed ?? String(Date.now() % SEED_LIMIT), SEED_LIMIT)
  const natsServer = await prepare(!values['without-nats'])
  const isTemporary = isTorment && values.data === undefined
  const data = isTemporary ? temporaryFolder() : path.resolve(ROOT, values.data ?? '.forge/cluster')
  const options = { hubs, port, data, natsServer }
  if (!isTorment) {
    const cluster = await startCluster({ ...options, houseAgent: true }, console.log)
    stopAtSignals(cluster.stop)
    console.log(`ready ${cluster.url}`)
    return
  }
  const say = (/** @type {string} */ line) => void process.stderr.write(`${line}\n`)
  const cluster = await startCluster({ ...options, houseAgent: false, logFiles: true }, say)
  stopAtSignals(cluster.stop)
  // The demo's client of the API is TypeScript.
  const { register } = await import('tsx/esm/api')
  register()
  const { torment } = await import('../demo/torment/torment.ts')
  let isWell = false
  try {
    const outcome = await torment(cluster, { kills, seed, shards }, say)
    if (values.json) process.stdout.write(`${JSON.stringify({ hubs, ...outcome })}\n`)
    isWell = outcome.ok
  } finally {
    await cluster.stop()
    if (isTemporary && isWell && !values.keep) rmSync(data, { recursive: true, force: true })
    else say(`logs and data: ${data}`)
    if (!isWell) say(`failed: --seed ${seed}`)
  }
  process.exit(isWell ? 0 : 1)
}

/** @param {() => Promise<void>} stop */
function stopAtSignals(stop) {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      void stop().then(() => process.exit(0))
    })
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
