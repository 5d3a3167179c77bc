import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestPool, type RunningPool, type TestPool } from './testing/start-pool.ts'

const SPEC = new URL('../../docs/spec/', import.meta.url)
const FILES = new URL('../../public/schemas/', import.meta.url)
/** Every schema that the specification names. */
const named = new Set(
  readdirSync(SPEC)
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => [
      ...readFileSync(new URL(name, SPEC), 'utf8').matchAll(/\/schemas\/([a-z0-9.]+\.json)/g),
    ])
    .map(([, name]) => name as string),
)

describe('the schemas of the specification', () => {
  let test: TestPool
  let pool: RunningPool
  beforeAll(async () => {
    test = await createTestPool()
    pool = await test.start()
  })
  afterAll(() => test.dispose())

  it('are all there are', () => {
    expect([...named].sort()).toEqual(readdirSync(FILES).sort())
  })

  it.each([...named])('serves %s, byte for byte', async (name) => {
    const response = await fetch(`${pool.url}/schemas/${name}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/schema+json')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes.equals(readFileSync(new URL(name, FILES)))).toBe(true)
  })

  it.each(['none.v1.json', '../server.secret', '..%2f..%2fpackage.json', ''])(
    'has nothing else: %j',
    async (name) => {
      expect((await fetch(`${pool.url}/schemas/${name}`)).status).toBe(404)
    },
  )
})
