import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { readConfig, SETTINGS } from '../server/config.ts'
import { METRICS, READY } from '../server/http/operator-routes.ts'

/** What can be told of the containers without running one: that the files agree with each other and with the program. */

const ROOT = path.join(import.meta.dirname, '..')
const read = (name: string) => readFileSync(path.join(import.meta.dirname, name), 'utf8')

const service = z.strictObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()),
  networks: z.array(z.string()).default(['default']),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).optional(),
  healthcheck: z.record(z.string(), z.unknown()).optional(),
  stop_grace_period: z.string().optional(),
  restart: z.literal('unless-stopped'),
})
const composeFile = z.strictObject({
  services: z.record(z.string(), service),
  networks: z.record(
    z.string(),
    z.object({ ipam: z.object({ config: z.array(z.object({ subnet: z.string() })) }) }),
  ),
  volumes: z.record(z.string(), z.null()),
})

const text = read('compose.yaml')
const compose = composeFile.parse(parse(text))
const { server, database, proxy } = z
  .object({ server: service, database: service, proxy: service })
  .parse(compose.services)
const dockerfile = read('Dockerfile')
const caddyfile = read('Caddyfile')

/** What an operator sets, as the file's head tells him. */
const GIVEN: Readonly<Record<string, string>> = {
  POOL_HOST: 'pool.example',
  POSTGRES_PASSWORD: 'a-long-password',
  FORGE_SECRET: 'a secret of at least thirty-two characters',
}
const filledIn = (value: string) =>
  value.replace(/\$\{([A-Z_]+)(?::\?[^}]*)?\}/g, (_, name: string) => GIVEN[name] ?? `(${name} is not set)`)

/** Variables of the image. */
const imageEnvironment = Object.fromEntries(
  [...dockerfile.matchAll(/^ENV (.+)$/gm)].flatMap(([, line = '']) =>
    line.split(' ').map((pair) => pair.split('=', 2) as [string, string]),
  ),
)

describe('compose.yaml', () => {
  it('asks for the variables that its head names, and no other', () => {
    const asked = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name))
    expect([...asked].sort()).toEqual(Object.keys(GIVEN).sort())
    const [head = ''] = text.split('services:')
    for (const name of asked) expect(head).toContain(`${name}=`)
    // A secret that is missing ends the start with a sentence.
    for (const name of asked) expect(text).toMatch(new RegExp(`\\$\\{${name}:\\?[^}]+\\}`))
  })

  it('gives the server settings that it knows and takes', () => {
    const { NODE_ENV, ...fromImage } = imageEnvironment
    expect(NODE_ENV).toBe('production')
    const environment = { ...fromImage, ...server.environment }
    for (const name of Object.keys(environment)) expect(SETTINGS).toContain(name)
    const config = readConfig(
      Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filledIn(value)])),
    )
    const { POSTGRES_USER: user, POSTGRES_DB: name } = database.environment
    expect(config).toMatchObject({
      host: '0.0.0.0',
      origin: 'https://pool.example',
      databaseUrl: `postgresql://${user}:${GIVEN.POSTGRES_PASSWORD}@database:5432/${name}`,
      dataDir: '/data',
      trustedProxies: compose.networks.front?.ipam.config.map(({ subnet }) => subnet),
    })
    // Docker waits for longer than the server takes.
    expect(server.stop_grace_period).toBe('30s')
    expect(config.drain_ms + 15_000).toBeLessThan(30_000)
  })

  it('names only services, volumes and networks that there are, and keeps all data in volumes', () => {
    const named = { volumes: new Set<string>(), networks: new Set<string>() }
    for (const { volumes, networks, depends_on = [] } of Object.values(compose.services)) {
      for (const other of Array.isArray(depends_on) ? depends_on : Object.keys(depends_on))
        expect(Object.keys(compose.services)).toContain(other)
      for (const network of networks) if (network !== 'default') named.networks.add(network)
      for (const volume of volumes) {
        const [source = ''] = volume.split(':')
        if (source.startsWith('.')) expect(existsSync(path.join(import.meta.dirname, source))).toBe(true)
        else named.volumes.add(source)
      }
    }
    expect([...named.volumes].sort()).toEqual(Object.keys(compose.volumes).sort())
    expect([...named.networks].sort()).toEqual(Object.keys(compose.networks).sort())
    expect(server.volumes).toEqual([`data:${imageEnvironment.FORGE_DATA_DIR}`])
    expect(dockerfile).toContain(`VOLUME ${imageEnvironment.FORGE_DATA_DIR}\n`)
  })

  it('opens ports of the proxy alone, which shares a network with the server and not with the database', () => {
    for (const [name, { ports }] of Object.entries(compose.services))
      expect(ports.length > 0).toBe(name === 'proxy')
    expect(proxy.networks).toEqual(['front'])
    expect(server.networks).toEqual(expect.arrayContaining(['default', 'front']))
    expect(database.networks).toEqual(['default'])
  })
})

describe('Dockerfile', () => {
  it('is the one that compose.yaml builds, and runs what the build makes', () => {
    expect(path.resolve(import.meta.dirname, server.build?.context ?? '')).toBe(ROOT)
    expect(existsSync(path.join(ROOT, server.build?.dockerfile ?? ''))).toBe(true)
    const scripts = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))).scripts
    expect(dockerfile).toContain('npm run build')
    expect(scripts.start).toContain('node dist/server.mjs')
    expect(dockerfile).toMatch(/CMD \["node", "dist\/server\.mjs"\]\n$/)
    const major = Number(/^FROM node:(\d+)-/m.exec(dockerfile)?.[1])
    expect(major).toBeGreaterThanOrEqual(20)
  })

  it('has one port throughout', () => {
    const { PORT } = imageEnvironment
    expect(dockerfile).toContain(`EXPOSE ${PORT}\n`)
    expect(dockerfile).toContain(`http://127.0.0.1:${PORT}/healthz`)
    expect(caddyfile).toContain(`reverse_proxy server:${PORT} {`)
  })
})

describe('Caddyfile', () => {
  it('keeps what is the operator’s from the public, as nginx.conf does, and asks the server whether it is ready', () => {
    expect(caddyfile).toContain(`@operator path ${METRICS} ${READY}\n`)
    expect(caddyfile).toContain(`health_uri ${READY}\n`)
    for (const hidden of [METRICS, READY])
      expect(read('nginx.conf')).toContain(`location = ${hidden} { return 404; }`)
    expect(caddyfile.split('{').length).toBe(caddyfile.split('}').length)
    expect(proxy.environment).toHaveProperty('POOL_HOST')
    expect(caddyfile).toMatch(/^\{\$POOL_HOST\} \{/)
  })
})
