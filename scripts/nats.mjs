// Where nats-server is, or how to get it: Debian's package, as root, or a program on PATH.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { aptInstall, canApt, which } from './apt.mjs'

/** Debian puts it where PATH of other accounts does not look. */
const DEBIAN = '/usr/sbin/nats-server'

/** @returns {string | undefined} absolute path */
export function findNatsServer() {
  return process.env.NATS_SERVER_PATH || which('nats-server') || (existsSync(DEBIAN) ? DEBIAN : undefined)
}

/**
 * A nats-server that is here, or else one that this call installs.
 * @param {{quiet?: boolean}} [options]
 * @returns {Promise<{found: true, path: string} | {found: false, what: string, how: string}>}
 */
export async function ensureNatsServer({ quiet = false } = {}) {
  const present = findNatsServer()
  if (present !== undefined) return { found: true, path: present }
  const tried = canApt() ? await aptInstall(['nats-server'], { quiet }) : []
  const installed = findNatsServer()
  if (installed !== undefined) return { found: true, path: installed }
  return {
    found: false,
    what: ['nats-server', ...tried.map(({ reason }) => reason)].join('; '),
    how: 'Debian: apt-get install nats-server; elsewhere set NATS_SERVER_PATH to its executable',
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await ensureNatsServer()
  console.log(found.found ? `nats-server: ${found.path}` : `missing: ${found.what} (${found.how})`)
}
