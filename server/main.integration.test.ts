import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'forge-main-test-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the server from its sources until it ends. */
function run(environment: Record<string, string>): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, 'main.ts')], {
      // An empty variable means its default, whatever the test's own environment says.
      env: {
        ...process.env,
        DATABASE_URL: '',
        FORGE_DATA_DIR: dataDir,
        FORGE_LOG: 'error',
        HOST: '',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    child.stderr.on('data', (text) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

describe('a server that cannot start says one line, what to do, and ends with 1', () => {
  it('when its port is in use, before it touches a database', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen({ host: '127.0.0.1', port: 0 }, resolve))
    const { port } = other.address() as AddressInfo
    const ended = await run({ PORT: String(port) })
    other.close()
    expect(ended).toEqual({
      code: 1,
      stdout: '',
      stderr: `forge-pool: port ${port} is in use. Stop the program that uses it, or choose another: PORT=${port + 1} npm start\n`,
    })
    expect(await readdir(dataDir)).toEqual([])
  })

  it('when its database cannot be reached, without showing the password', async () => {
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen({ host: '127.0.0.1', port: 0 }, resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const ended = await run({ PORT: '0', DATABASE_URL: `postgresql://me:s3cret@127.0.0.1:${port}/pool` })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(
      /^forge-pool: the database pool at 127\.0\.0\.1:\d+ refuses connections\. .*DATABASE_URL.*\n$/,
    )
    expect(ended.stderr).not.toContain('s3cret')
  })

  it('when a setting is wrong', async () => {
    const ended = await run({ PORT: 'ninety' })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^forge-pool: PORT.*\n$/)
  })
})
