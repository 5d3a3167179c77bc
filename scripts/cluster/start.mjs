import { closeSync, mkdirSync, openSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, Processes } from './processes.mjs'
import { proxy } from './proxy.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NATS_NODES = 3

/**
 * @typedef {object} Cluster
 * @property {string} url of the proxy
 * @property {string} data absolute
 * @property {Processes} processes named `nats-1`, `hub-1`, …
 * @property {boolean} hasNats
 * @property {() => Promise<void>} stop ends hubs, then NATS
 */

/**
 * Starts three nats-server nodes where there is one, so many hubs on one data folder, and the proxy.
 * @param {object} options
 * @param {number} options.hubs
 * @param {number} options.port of the proxy; 0: any free one
 * @param {string} options.data absolute
 * @param {string | undefined} options.natsServer its executable; without it there are no NATS nodes
 * @param {boolean} options.houseAgent
 * @param {boolean} [options.logFiles] the hubs' logs go to `hub-N.log` in the data folder
 * @param {(line: string) => void} say takes one line for people
 * @returns {Promise<Cluster>}
 */
export async function startCluster({ hubs, port, data, natsServer, houseAgent, logFiles = false }, say) {
  const processes = new Processes(say)
  /** @type {() => Promise<void>} */
  let closeFront = async () => {}
  const stop = async () => {
    await processes.stop('hub')
    await processes.stop()
    await closeFront()
  }
  try {
    const free = await freePorts(2 * NATS_NODES + hubs)
    const nodes = Array.from({ length: natsServer === undefined ? 0 : NATS_NODES }, (_, at) => ({
      name: `nats-${at + 1}`,
      client: free[2 * at] ?? 0,
      cluster: free[2 * at + 1] ?? 0,
    }))
    const routes = nodes.map(({ cluster }) => `nats://127.0.0.1:${cluster}`).join(',')
    for (const { name, client, cluster } of nodes) {
      const store = path.join(data, name)
      mkdirSync(store, { recursive: true })
      await processes.keep({
        name,
        command: natsServer ?? '',
        args: [
          ...['-n', name, '-a', '127.0.0.1', '-p', String(client), '-js', '-sd', store],
          ...['-l', path.join(data, `${name}.log`)],
          ...['-cluster_name', 'forge', '-cluster', `nats://127.0.0.1:${cluster}`, '-routes', routes],
        ],
        cwd: ROOT,
        where: `nats://127.0.0.1:${client}`,
        ready: client,
      })
    }
    const ports = free.slice(2 * NATS_NODES)
    const front = await proxy(ports, port, (hub) => processes.ready.includes(`hub-${ports.indexOf(hub) + 1}`))
    closeFront = front.close
    const url = `http://localhost:${front.port}`
    for (const [at, hubPort] of ports.entries()) {
      const errors = logFiles ? openSync(path.join(data, `hub-${at + 1}.log`), 'a') : undefined
      // The first one makes database, keys and secret in the data folder, which all share.
      await processes.keep({
        name: `hub-${at + 1}`,
        command: process.execPath,
        args: [path.join(ROOT, 'dist/server.mjs')],
        cwd: ROOT,
        where: `http://127.0.0.1:${hubPort}`,
        ready: 'ready',
        env: {
          PORT: String(hubPort),
          HOST: '127.0.0.1',
          FORGE_ORIGIN: url,
          FORGE_DATA_DIR: data,
          // Empty: PostgreSQL hands the chunks out.
          NATS_URL: nodes.map(({ client }) => `nats://127.0.0.1:${client}`).join(','),
          // One key, one agent: the others are reached through the proxy.
          ...(houseAgent && at === 0 ? {} : { FORGE_HOUSE_AGENT: 'off' }),
        },
        ...(errors === undefined ? {} : { errors }),
      })
      if (errors !== undefined) process.once('exit', () => closeSync(errors))
    }
    return { url, data, processes, hasNats: natsServer !== undefined, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
