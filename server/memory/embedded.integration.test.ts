import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EmbeddedServer, openEmbedded } from './embedded.ts'
import { type Child, startChild } from './testing/child.ts'
import { PATIENCE } from './testing/patience.ts'

const HOLDER = new URL('./testing/hold-embedded.ts', import.meta.url)
const isRoot = process.getuid?.() === 0

describe('embedded PostgreSQL', () => {
  let top: string
  let folder: string
  let lines: string[]
  const children: Child[] = []

  beforeEach(async () => {
    top = await mkdtemp(path.join(tmpdir(), 'forge-pg-'))
    // mkdtemp makes a folder that only its owner may enter.
    await chmod(top, 0o755)
    folder = path.join(top, 'pg')
    lines = []
  })
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill()
    // Whoever closes last stops the server that a test may have left.
    await (await open()).close()
    await rm(top, { recursive: true })
  })

  const open = () => openEmbedded({ folder, log: (line) => lines.push(line) })
  const hold = async () => {
    const child = startChild(HOLDER, [folder])
    children.push(child)
    const { url, started } = JSON.parse(await child.line()) as { url: string; started: boolean }
    return { child, url, started }
  }
  const query = async <R extends pg.QueryResultRow>(server: EmbeddedServer, sql: string): Promise<R[]> => {
    const client = new pg.Client({ connectionString: server.url('postgres') })
    await client.connect()
    try {
      return (await client.query<R>(sql)).rows
    } finally {
      await client.end()
    }
  }
  const isUp = (url: string) => {
    const client = new pg.Client({ connectionString: url })
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    )
  }
  const freePort = async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    return port
  }
  const postmaster = async () =>
    Number((await readFile(path.join(folder, 'data/postmaster.pid'), 'utf8')).split('\n')[0])

  it('is durable, listens on the loopback address only, and asks for a password', async () => {
    const server = await open()
    expect(server.started).toBe(true)
    const [settings] = await query<Record<string, string>>(
      server,
      `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
         current_setting('synchronous_commit') AS synchronous_commit, current_setting('data_checksums') AS checksums,
         current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets`,
    )
    expect(settings).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      checksums: 'on',
      listen: '127.0.0.1',
      sockets: '',
    })
    const wrong = new URL(server.url('postgres'))
    wrong.password = 'wrong'
    await expect(new pg.Client({ connectionString: wrong.href }).connect()).rejects.toThrow(/password/)
    expect((await stat(path.join(folder, 'data/forge-password'))).mode & 0o777).toBe(0o600)
    await server.close()
    expect(await isUp(server.url('postgres'))).toBe(false)
  })

  it('keeps data and password over a restart', async () => {
    const first = await open()
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS value')
    await first.close()
    const again = await open()
    expect(again.started).toBe(true)
    expect(await query(again, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
    expect(new URL(again.url('x')).password).toBe(new URL(first.url('x')).password)
    await again.close()
  })

  it('is shared by all who open the folder at once, and stopped by the last', async () => {
    const [a, b, elsewhere] = await Promise.all([open(), open(), hold()])
    expect([a.started, b.started, elsewhere.started].filter(Boolean)).toHaveLength(1)
    expect(a.url('postgres')).toBe(b.url('postgres'))
    expect(elsewhere.url).toBe(a.url('postgres'))
    await a.close()
    await b.close()
    expect(await isUp(elsewhere.url)).toBe(true)
    await elsewhere.child.kill()
    const last = await open()
    expect(last.started).toBe(false)
    // The server notices a killed user when it next reads from his connection, which is soon but not at once.
    await vi.waitFor(
      async () =>
        expect(
          await query(last, "SELECT count(*)::int AS users FROM pg_locks WHERE locktype = 'advisory'"),
        ).toEqual([{ users: 1 }]),
      PATIENCE,
    )
    await last.close()
    expect(await isUp(elsewhere.url)).toBe(false)
  })

  it('is found again after its parent was killed', async () => {
    const { child, url, started } = await hold()
    expect(started).toBe(true)
    const pid = await postmaster()
    await child.kill()
    const server = await open()
    expect(server.started).toBe(false)
    expect(server.url('postgres')).toBe(url)
    expect(await postmaster()).toBe(pid)
    await server.close()
  })

  it('recovers committed rows after the postmaster and its parent were killed', async () => {
    const { child } = await hold()
    const server = await open()
    await query(server, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS value')
    process.kill(await postmaster(), 'SIGKILL')
    await child.kill()
    await server.close()
    const again = await open()
    expect(again.started).toBe(true)
    expect(await query(again, 'SELECT count(*)::int FROM kept')).toEqual([{ count: 1000 }])
    await again.close()
  })

  it('comes back by itself, at the same URL, when the postmaster is killed', async () => {
    const server = await open()
    await query(server, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS value')
    const pid = await postmaster()
    process.kill(pid, 'SIGKILL')
    await vi.waitUntil(async () => (await postmaster().catch(() => pid)) !== pid, PATIENCE)
    await vi.waitUntil(() => isUp(server.url('postgres')), PATIENCE)
    expect(await query(server, 'SELECT count(*)::int FROM kept')).toEqual([{ count: 1000 }])
    expect(lines).toEqual(['the embedded database has stopped; starting it again'])
    await server.close()
    expect(await isUp(server.url('postgres'))).toBe(false)
  })

  it('says so when it comes back where its URL does not reach it', async () => {
    const heard: unknown[] = []
    const server = await openEmbedded({ folder, log: () => {}, lost: (error) => heard.push(error) })
    const { port } = new URL(server.url('postgres'))
    // By this file the next postmaster knows the port of the last one.
    const options = path.join(folder, 'data/postmaster.opts')
    const text = await readFile(options, 'utf8')
    await writeFile(options, text.replace(`"-p" "${port}"`, `"-p" "${await freePort()}"`))
    process.kill(await postmaster(), 'SIGKILL')
    await vi.waitUntil(() => heard.length > 0, PATIENCE)
    expect(heard).toEqual([
      expect.objectContaining({ code: 'UNAVAILABLE', message: expect.stringContaining('another port') }),
    ])
    await server.close()
  })

  it('is started again until it runs, however often that fails', async () => {
    const server = await open()
    const version = path.join(folder, 'data/PG_VERSION')
    await writeFile(version, '9\n')
    process.kill(await postmaster(), 'SIGKILL')
    await vi.waitUntil(() => lines.some((line) => line.includes('did not start')), PATIENCE)
    await writeFile(version, '18\n')
    await vi.waitUntil(() => isUp(server.url('postgres')), PATIENCE)
    await server.close()
  })

  it.each([
    ['of a process that is gone', 2 ** 22 - 1],
    ['whose number another program has now', process.pid],
  ])('starts over a stale pid file %s', async (_, pid) => {
    await (await open()).close()
    await writeFile(
      path.join(folder, 'data/postmaster.pid'),
      `${pid}\n${folder}/data\n1\n1\n\n127.0.0.1\n\nready\n`,
    )
    const server = await open()
    expect(server.started).toBe(true)
    await server.close()
  })

  it('names the reason and the log file when it cannot start', async () => {
    await (await open()).close()
    await writeFile(path.join(folder, 'data/PG_VERSION'), '9\n')
    await expect(open()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/did not start: DETAIL: .*not compatible/),
      hint: expect.stringContaining('server.log'),
    })
    await writeFile(path.join(folder, 'data/PG_VERSION'), '18\n')
  })

  it.runIf(isRoot)(
    'lies elsewhere when its account cannot enter the folder, always at the same place',
    async () => {
      await chmod(top, 0o700)
      const server = await open()
      await query(server, 'CREATE TABLE kept AS SELECT 42 AS value')
      const [place] = await query<{ data: string }>(
        server,
        `SELECT current_setting('data_directory') AS data`,
      )
      await server.close()
      expect(place?.data).toMatch(/^\/var\/lib\/forge-pool\/[0-9a-f]{16}\/pg\/data$/)
      expect(lines).toEqual([expect.stringContaining('cannot enter')])
      const again = await open()
      expect(await query(again, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
      await again.close()
      await rm(path.resolve(place?.data ?? '', '../..'), { recursive: true })
      await chmod(top, 0o755)
    },
  )
})
