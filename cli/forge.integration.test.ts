import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deviceList } from '../kernel/api/devices.ts'
import { type SignedUp, signUp } from '../server/http/testing/sign-up.ts'
import { createTestPool, type RunningPool, type TestPool } from '../server/http/testing/start-pool.ts'

const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** The command as a process, from its sources. */
class Forge {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #waiting: { readonly pattern: RegExp; readonly resolve: (line: string) => void }[] = []
  /** Exit code. */
  readonly ended: Promise<number | null>

  constructor(args: readonly string[], environment: Record<string, string> = {}) {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', path.join(import.meta.dirname, 'main.ts'), ...args],
      {
        env: { ...process.env, FORGE_NODE_TOKEN: '', ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    this.#child = child
    children.add(child)
    child.once('close', () => children.delete(child))
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => this.#hear(line))
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve(code))
    })
  }

  /** Everything said so far. */
  get text(): string {
    return this.#lines.join('\n')
  }

  says(pattern: RegExp): Promise<string> {
    const said = this.#lines.find((line) => pattern.test(line))
    if (said !== undefined) return Promise.resolve(said)
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }))
  }

  terminate(): void {
    this.#child.kill('SIGTERM')
  }

  #hear(line: string): void {
    this.#lines.push(line)
    for (const { pattern, resolve } of this.#waiting) if (pattern.test(line)) resolve(line)
  }
}

describe('forge', () => {
  it('says its versions, and how it is used', async () => {
    const version = new Forge(['--version'])
    expect(await version.ended).toBe(0)
    expect(version.text).toMatch(/^forge \d+\.\d+\.\d+, forge-agent\/\S+$/)
    const help = new Forge(['agent', '--help'])
    expect(await help.ended).toBe(0)
    expect(help.text).toMatch(/^Usage: forge agent --hub URL/)
    expect(help.text).toContain('FORGE_NODE_TOKEN')
  })

  it.each([[['mine']], [[]], [['agent']], [['agent', '--hub', 'nowhere']]])(
    'refuses %j with its usage and 2',
    async (args) => {
      const wrong = new Forge(args)
      expect(await wrong.ended).toBe(2)
      expect(wrong.text).toContain('Usage: forge')
    },
  )
})

describe('forge agent', () => {
  let testPool: TestPool
  let pool: RunningPool
  let ada: SignedUp
  let folder: string
  beforeAll(async () => {
    testPool = await createTestPool()
    pool = await testPool.start()
    ada = await signUp(pool)
    folder = await mkdtemp(path.join(tmpdir(), 'forge-cli-'))
  })
  afterAll(async () => {
    await testPool.dispose()
    await rm(folder, { recursive: true, force: true })
  })
  const nodeToken = async () =>
    ((await ada.call('nodeTokens.create', { name: 'cli' })) as { token: string }).token
  const devices = async () => deviceList.parse(await ada.call('devices.list', undefined)).items
  const connected = async (name: string) => {
    for (;;) {
      const device = (await devices()).find(
        ({ connected, executors }) => connected && executors[0]?.label.startsWith(`${name}: `) === true,
      )
      if (device !== undefined) return device
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  it('works for the account of its token until it is told to stop', async () => {
    const tokenFile = path.join(folder, 'token')
    await writeFile(tokenFile, await nodeToken(), { mode: 0o600 })
    const agent = new Forge([
      'agent',
      '--hub',
      pool.url,
      '--token-file',
      tokenFile,
      '--name',
      'attic',
      '--key-file',
      path.join(folder, 'a'),
    ])
    const device = await connected('attic')
    expect(device.executors).toMatchObject([{ executor: 'wasm', probe: { kind: 'wasm', ok: true } }])
    agent.terminate()
    expect(await agent.ended).toBe(0)
  })

  it('ends with the reason when its owner revokes its key, and cannot come back', async () => {
    const args = ['agent', '--hub', pool.url, '--name', 'cellar', '--key-file', path.join(folder, 'b')]
    const environment = { FORGE_NODE_TOKEN: await nodeToken() }
    const agent = new Forge(args, environment)
    const device = await connected('cellar')
    await ada.call('devices.revoke', { id: device.id })
    expect(await agent.ended).toBe(1)
    // On a slow machine it is revoked before it listens: then it hears it when it enrols again.
    expect(agent.text).toMatch(/its owner has revoked this key|the owner of this agent has revoked its key/)
    const again = new Forge(args, environment)
    expect(await again.ended).toBe(1)
    expect(again.text).toContain('the owner of this agent has revoked its key')
    expect(again.text).not.toContain(environment.FORGE_NODE_TOKEN)
  })
})
