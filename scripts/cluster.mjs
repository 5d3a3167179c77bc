// `npm run cluster -- --hubs 3`: several hubs on one PostgreSQL and three nats-server nodes behind one address, on this
// machine, for trying out and for killing. Everything that ends is started again until Ctrl-C.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureNatsServer } from './nats.mjs'
import { setup } from './setup.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const HELP = `npm run cluster -- [--hubs 3] [--port 3000] [--data .forge/cluster]

Starts three nats-server nodes with JetStream, PostgreSQL (embedded, or the one of DATABASE_URL), that many hubs, and a proxy
on 127.0.0.1 that gives each connection to the next hub. Prints every process with its pid; kill any of them with -9, and it
is started again after a second.`

const HUBS_LIMIT = 16
const NATS_NODES = 3
const AGAIN_MS = 1000
const STOP_LIMIT_MS = 15_000

/** @typedef {{name: string, child: import('node:child_process').ChildProcess}} Running */

/** @type {Map<string, Running>} */
const running = new Map()
let ending = false

/**
 * @param {number} count
 * @returns {Promise<number[]>} different ports that are free now
 */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/**
 * Runs a program and starts it again whenever it ends.
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{where: string, env?: Record<string, string>, ready?: string}} options `ready`: what a line of its output begins with
 * @returns {Promise<void>} once it is ready the first time
 */
function keep(name, command, args, { where, env = {}, ready }) {
  return new Promise((resolve) => {
    const start = () => {
      const child = spawn(command, args, {
        cwd: ROOT,
        env: { ...process.env, ...env },
        stdio: ['ignore', ready === undefined ? 'ignore' : 'pipe', 'inherit'],
      })
      running.set(name, { name, child })
      if (child.pid !== undefined) console.log(`${name} pid ${child.pid} ${where}`)
      if (ready === undefined) resolve()
      child.stdout?.setEncoding('utf8').on('data', (text) => {
        if (String(text).startsWith(ready ?? '')) resolve()
      })
      child.on('error', (error) => console.error(`${name}: ${error.message}`))
      child.on('close', (code, signal) => {
        running.delete(name)
        if (ending) return
        console.log(`${name} ended (${signal ?? code}), it is started again`)
        setTimeout(() => {
          if (!ending) start()
        }, AGAIN_MS)
      })
    }
    start()
  })
}

/**
 * Gives each connection to the next hub that takes it.
 * @param {readonly number[]} ports
 * @param {number} port
 * @returns {Promise<number>} the port that it listens on
 */
function proxy(ports, port) {
  let next = 0
  const server = createServer((client) => {
    client.on('error', () => client.destroy())
    /** @param {number} attempt */
    const pass = (attempt) => {
      const target = ports[next++ % ports.length]
      if (attempt >= ports.length || target === undefined) {
        client.destroy()
        return
      }
      const hub = connect(target, '127.0.0.1')
      let isOpen = false
      hub.once('connect', () => {
        isOpen = true
        hub.pipe(client).pipe(hub)
      })
      hub.on('error', () => (isOpen ? client.destroy() : pass(attempt + 1)))
      hub.on('close', () => isOpen && client.destroy())
      client.on('close', () => hub.destroy())
    }
    pass(0)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

async function stop() {
  if (ending) return
  ending = true
  const end = async (/** @type {string} */ kind) => {
    const these = [...running.values()].filter(({ name }) => name.startsWith(kind))
    const ended = Promise.all(
      these.map(({ child }) => new Promise((resolve) => child.once('close', resolve))),
    )
    for (const { child } of these) child.kill('SIGTERM')
    await Promise.race([ended, delay(STOP_LIMIT_MS)])
    for (const { child } of these)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  }
  await end('hub')
  await end('nats')
  process.exit(0)
}

/** @param {string} text @param {number} high */
function count(text, high) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > high)
    throw new Error(`${text} is not a number up to ${high}`)
  return value
}

async function main() {
  const { values } = parseArgs({
    options: {
      hubs: { type: 'string', default: '3' },
      port: { type: 'string', default: '3000' },
      data: { type: 'string', default: '.forge/cluster' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const hubs = Math.max(1, count(values.hubs, HUBS_LIMIT))
  const port = count(values.port, 65_535)
  const data = path.resolve(ROOT, values.data)
  await setup({ browser: false, quiet: true })
  const nats = await ensureNatsServer()
  if (!nats.found) throw new Error(`missing: ${nats.what}\n${nats.how}`)
  await new Promise((resolve, reject) => {
    const build = spawn(process.execPath, [path.join(ROOT, 'scripts/build.mjs')], { stdio: ['ignore', 2, 2] })
    build.on('close', (code) => (code === 0 ? resolve(undefined) : reject(new Error('the build failed'))))
  })
  process.on('SIGINT', () => void stop())
  process.on('SIGTERM', () => void stop())

  const free = await freePorts(2 * NATS_NODES + hubs)
  const nodes = Array.from({ length: NATS_NODES }, (_, at) => ({
    name: `nats-${at + 1}`,
    client: free[2 * at] ?? 0,
    cluster: free[2 * at + 1] ?? 0,
  }))
  const routes = nodes.map(({ cluster }) => `nats://127.0.0.1:${cluster}`).join(',')
  for (const { name, client, cluster } of nodes) {
    const store = path.join(data, name)
    mkdirSync(store, { recursive: true })
    const where = `nats://127.0.0.1:${client}`
    await keep(
      name,
      nats.path,
      [
        ...['-n', name, '-a', '127.0.0.1', '-p', String(client), '-js', '-sd', store],
        ...['-l', path.join(data, `${name}.log`)],
        ...['-cluster_name', 'forge', '-cluster', `nats://127.0.0.1:${cluster}`, '-routes', routes],
      ],
      { where },
    )
  }
  const ports = free.slice(2 * NATS_NODES)
  const front = await proxy(ports, port)
  for (const [at, hubPort] of ports.entries()) {
    // The first one makes database, keys and secret in the data folder, which all share.
    await keep(`hub-${at + 1}`, process.execPath, [path.join(ROOT, 'dist/server.mjs')], {
      where: `http://127.0.0.1:${hubPort}`,
      ready: 'ready',
      env: {
        PORT: String(hubPort),
        HOST: '127.0.0.1',
        FORGE_ORIGIN: `http://localhost:${front}`,
        FORGE_DATA_DIR: data,
        NATS_URL: nodes.map(({ client }) => `nats://127.0.0.1:${client}`).join(','),
        // One key, one agent: the others are reached through the proxy.
        ...(at === 0 ? {} : { FORGE_HOUSE_AGENT: 'off' }),
      },
    })
  }
  console.log(`ready http://localhost:${front}`)
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  ending = true
  for (const { child } of running.values()) child.kill('SIGTERM')
  process.exitCode = 1
}
