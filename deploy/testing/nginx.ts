import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { answers, freePorts } from '../../scripts/cluster/processes.mjs'
import { selfSigned } from './certificate.ts'

const SHIPPED = path.join(import.meta.dirname, '../nginx.conf')
const NAME = 'pool.example'
const POLL_MS = 20
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

export interface Nginx {
  readonly name: string
  /** Of the server with TLS, and of the one that sends people there; both on 127.0.0.1. */
  readonly port: number
  readonly plainPort: number
  /** PEM, to be trusted by clients. */
  readonly certificate: string
  /** What nginx has written to its error log. */
  readonly log: () => string
  close(): Promise<void>
}

/**
 * Runs nginx with deploy/nginx.conf, in which nothing but addresses and paths is replaced.
 * @param executable of nginx
 * @param upstreams ports of the two servers on 127.0.0.1
 * @throws Error when the file has no longer what is to be replaced, or nginx refuses it
 */
export async function startNginx(executable: string, upstreams: readonly [number, number]): Promise<Nginx> {
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-nginx-'))
  const [port = 0, plainPort = 0] = await freePorts(2)
  const { certificate, key } = selfSigned(NAME)
  const file = (name: string) => path.join(folder, name)
  await writeFile(file('fullchain.pem'), certificate)
  await writeFile(file('privkey.pem'), key, { mode: 0o600 })
  for (const name of TEMPORARY) await mkdir(file(name))
  let pool = await readFile(SHIPPED, 'utf8')
  for (const [shipped, here] of [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['server 127.0.0.1:3001 ', `server 127.0.0.1:${upstreams[0]} `],
    ['server 127.0.0.1:3002 ', `server 127.0.0.1:${upstreams[1]} `],
    ['/etc/ssl/pool.example/fullchain.pem', file('fullchain.pem')],
    ['/etc/ssl/pool.example/privkey.pem', file('privkey.pem')],
  ] as const) {
    if (pool.split(shipped).length !== 2) throw new Error(`deploy/nginx.conf has not once: ${shipped}`)
    pool = pool.replace(shipped, here)
  }
  await writeFile(file('pool.conf'), pool)
  await writeFile(
    file('nginx.conf'),
    [
      'daemon off;',
      'worker_processes 2;',
      `pid ${file('nginx.pid')};`,
      'error_log stderr warn;',
      // Under root its workers would be an account that may not enter the temporary folder.
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'events { worker_connections 512; }',
      'http {',
      'access_log off;',
      ...TEMPORARY.map((name) => `${name}_temp_path ${file(name)};`),
      `include ${file('pool.conf')};`,
      '}',
    ].join('\n'),
  )
  const child = spawn(executable, ['-e', 'stderr', '-p', folder, '-c', file('nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text
  })
  const ended = once(child, 'close')
  const close = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      await close()
      throw new Error(`nginx ended with ${child.exitCode}: ${log}`)
    }
    await delay(POLL_MS)
  }
  return { name: NAME, port, plainPort, certificate, log: () => log, close }
}
