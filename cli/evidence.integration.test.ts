import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeKey } from '../kernel/evidence/sample.test-support.ts'
import { parseCheckpoint } from '../kernel/ledger/checkpoint.ts'
import {
  COSIGNATURE,
  formatVkey,
  parseSignedNote,
  parseVkey,
  verifyNote,
} from '../kernel/ledger/signed-note.ts'
import { type AgentPeer, connectAgentPeer } from '../server/http/testing/agent-peer.ts'
import { type SignedUp, signUp } from '../server/http/testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  type TestPool,
} from '../server/http/testing/start-pool.ts'
import { PATIENCE } from '../server/memory/testing/patience.ts'
import { runCommand } from './command.test-support.ts'
import { verifySignature } from './ed25519.ts'
import { replayCommand } from './replay/command.ts'
import { verifyCommand } from './verify.ts'
import { serveWitness } from './witness/server.ts'
import { openStateFile } from './witness/state-file.ts'
import { Witness } from './witness/witness.ts'

let folder: string
let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let agents: AgentPeer[] = []
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'forge-evidence-'))
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterEach(async () => {
  hangUp()
  await testPool.dispose()
  await rm(folder, { recursive: true, force: true })
  expect(testPool.complaints).toEqual([])
})
const hangUp = () => {
  for (const agent of agents) agent.close()
  agents = []
}

/** Both agents are there when the job comes: the referee gives what no second owner gives in time. */
async function settle(contract: Record<string, unknown>): Promise<string> {
  for (const address of ['203.0.113.7', '198.51.100.9']) {
    const agent = connectAgentPeer(pool.url, { 'x-forwarded-for': address })
    agents.push(agent)
    agent.work(await agent.enrol(), 100)
  }
  const { id } = (await ada.call('jobs.submit', { contract })) as { id: string }
  await vi.waitFor(
    async () => expect(await ada.call('jobs.get', { id })).toMatchObject({ state: 'settled' }),
    PATIENCE,
  )
  return id
}

async function download(id: string, query = ''): Promise<string> {
  const text = await vi.waitFor(async () => {
    const response = await fetch(`${pool.url}/api/v0/jobs/${id}/evidence${query}`, { headers: ada.headers })
    expect(response.status).toBe(200)
    return response.text()
  }, PATIENCE)
  const file = path.join(folder, `${id}${query.replace('?', '-')}.forge`)
  await writeFile(file, text)
  return file
}
const checkpoint = async () => (await fetch(`${pool.url}/log/checkpoint`)).text()

describe('evidence in the hands of a stranger', () => {
  it('is verified and replayed after the server is gone', async () => {
    const file = await download(await settle(piContract('stranger', 3)))
    const light = await download(path.basename(file, '.forge'), '?digests=no')
    await pool.close()
    expect((await runCommand(verifyCommand, file)).code).toBe(0)

    const whole = await runCommand(replayCommand, file, '--shards', 'all', '--threads', '2', '--json')
    expect(whole.err).toContain('3 of 3 shards executed')
    expect(JSON.parse(whole.out)).toMatchObject({ equal: true, replayed: 3, whole: { equal: true } })
    expect(whole.code).toBe(0)

    // The whole is compared by its root where the file has no digests; a part cannot be.
    expect((await runCommand(replayCommand, light, '--shards', 'all')).code).toBe(0)
    const part = await runCommand(replayCommand, light, '--shards', '1')
    expect(part.code).toBe(3)
    expect(part.err).toContain('without ?digests=no')

    const lie = path.join(folder, 'lie.forge')
    const bundle = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(lie, JSON.stringify({ ...bundle, result: bundle.result.replace(/\d/, '7') }))
    const refused = await runCommand(replayCommand, lie, '--shards', 'all')
    expect(refused.code).toBe(1)
    expect(refused.err).not.toContain('executed')
    expect((await runCommand(replayCommand, file, '--shards', '9-9')).code).toBe(2)
    expect((await runCommand(replayCommand, file, '--input', 'x=y')).code).toBe(2)
    expect(
      (await runCommand(replayCommand, file, '--webgpu', '--webgpu-module', 'no-such-module')).code,
    ).toBe(4)
  })

  it('replays a job that stopped early to its stop, and no further', async () => {
    const contract = {
      ...piContract('early', 64),
      args: { points: 64 * 4_194_304, convergence: { target: { relative_error: 0.001 } } },
      verify: { mode: 'none' },
    }
    const file = await download(await settle(contract))
    const { out, code } = await runCommand(replayCommand, file, '--shards', 'all', '--json')
    const report = JSON.parse(out)
    expect(report).toMatchObject({ verified: true, equal: true, whole: { equal: true } })
    expect(report.of).toBeLessThan(64)
    expect(code).toBe(0)
  })
})

describe('a witness of the published ledger', () => {
  it('cosigns as the ledger grows, over restarts of both', async () => {
    await download(await settle({ ...piContract('one'), verify: { mode: 'none' } }))
    const identity = (await (await fetch(`${pool.url}/.well-known/forge-pool.json`)).json()) as {
      vkey: string
    }
    const own = makeKey()
    const key = { name: 'witness.example/w', type: COSIGNATURE, publicKey: own.publicKey } as const
    const start = async () => {
      const state = await openStateFile(path.join(folder, 'witness.json'))
      const ports = {
        key,
        sign: own.sign,
        logs: [parseVkey(identity.vkey)],
        state,
        verifySignature,
        now: () => Math.floor(Date.now() / 1000),
      }
      const server = await serveWitness(new Witness(ports), { host: '127.0.0.1', port: 0 }, (error) => {
        throw error
      })
      const end = () => server.close().then(() => state.release())
      return { url: server.url, end }
    }
    let past = await checkpoint()
    for (const seed of ['two', 'three']) {
      const witness = await start()
      hangUp()
      await pool.close()
      pool = await testPool.start(pool.port, undefined, [{ key, url: witness.url }])
      const id = await settle({ ...piContract(seed), verify: { mode: 'none' } })
      const { size: old } = parseCheckpoint(parseSignedNote(past).text)
      const now = await vi.waitFor(async () => {
        const note = await checkpoint()
        expect(parseCheckpoint(parseSignedNote(note).text).size).toBe(old + 1)
        expect((await verifyNote(parseSignedNote(note), key, verifySignature)).state).toBe('valid')
        return note
      }, PATIENCE)
      const kept = path.join(folder, 'checkpoint')
      await writeFile(kept, past)
      const { code, out } = await runCommand(
        verifyCommand,
        await download(id, `?since=${old}`),
        '--log-key',
        identity.vkey,
        '--witness',
        formatVkey(key),
        '--checkpoint',
        kept,
      )
      expect(out).toContain(`grown from ${old} to ${old + 1} entries`)
      expect(out).toContain('cosigned by witness.example/w')
      expect(code).toBe(0)
      past = now
      await witness.end()
    }
  })
})
