// Where nginx is, or how to get it: Debian's package, as root, or a program on PATH.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { aptInstall, canApt, which } from './apt.mjs'

/** Debian puts it where PATH of other accounts does not look. */
const DEBIAN = '/usr/sbin/nginx'

/** @returns {string | undefined} absolute path */
export function findNginx() {
  return process.env.NGINX_PATH || which('nginx') || (existsSync(DEBIAN) ? DEBIAN : undefined)
}

/**
 * An nginx that is here, or else one that this call installs. Where an init system runs, the package would start a web server
 * on port 80 at once: there it is left to whoever owns the machine.
 * @param {{quiet?: boolean}} [options]
 * @returns {Promise<{found: true, path: string} | {found: false, what: string, how: string}>}
 */
export async function ensureNginx({ quiet = false } = {}) {
  const present = findNginx()
  if (present !== undefined) return { found: true, path: present }
  const mayInstall = canApt() && !existsSync('/run/systemd/system')
  const tried = mayInstall ? await aptInstall(['nginx-light'], { quiet }) : []
  const installed = findNginx()
  if (installed !== undefined) return { found: true, path: installed }
  return {
    found: false,
    what: ['nginx', ...tried.map(({ reason }) => reason)].join('; '),
    how: 'Debian: apt-get install nginx-light; elsewhere set NGINX_PATH to its executable',
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await ensureNginx()
  console.log(found.found ? `nginx: ${found.path}` : `missing: ${found.what} (${found.how})`)
}
