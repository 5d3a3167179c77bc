import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { JobView } from '../../kernel/api.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { hubKeyFile, openHubKey, rotateHubKey } from '../../server/evidence/hub-key.ts'
import { recheck } from '../../server/evidence/recheck.ts'
import { type AgentPeer, connectAgentPeer } from '../../server/http/testing/agent-peer.ts'
import { type SignedUp, signUp } from '../../server/http/testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  type TestPool,
} from '../../server/http/testing/start-pool.ts'
import { referenceReferee } from '../../server/hub/referee/reference-referee.test-support.ts'
import { openFileBlobStore } from '../../server/memory/blob-store-files.ts'
import { createCorrectionStore } from '../../server/memory/correction-store.ts'
import { createJobStore } from '../../server/memory/job-store.ts'
import { createRecordStore } from '../../server/memory/record-store.ts'
import { createResultStore } from '../../server/memory/result-store.ts'
import { PATIENCE } from '../../server/memory/testing/patience.ts'
import { SAMPLE_TERMS } from '../../server/memory/testing/samples.ts'
import { runCommand } from '../command.test-support.ts'
import { replayAllCommand } from './command.ts'

/** An auditor who knows nothing but the hub's address and what he kept. */

let folder: string
let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let agent: AgentPeer | undefined
const servers: Server[] = []

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'forge-audit-'))
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterAll(async () => {
  agent?.close()
  for (const server of servers) server.close()
  await testPool.dispose()
  await rm(folder, { recursive: true })
})

/** A recorded job of one small shard. */
async function settle(seed: string, lies = false): Promise<JobView> {
  agent?.close()
  agent = connectAgentPeer(pool.url, { 'x-forwarded-for': '203.0.113.7' })
  agent.work(await agent.enrol(), 100, (leaf) =>
    lies ? leaf.map((byte, at) => (at === 4 ? byte ^ 1 : byte)) : leaf,
  )
  const contract = { ...piContract(seed), args: { points: 1000 }, verify: { mode: 'none' } }
  const { id } = (await ada.call('jobs.submit', { contract })) as JobView
  return vi.waitFor(async () => {
    const job = (await ada.call('jobs.get', { id })) as JobView
    expect(job.record?.published).toBe(true)
    return job
  }, PATIENCE)
}
const publish = (id: string) => ada.call('jobs.publish', { id, visibility: 'public' })

async function audit(...words: string[]) {
  const run = await runCommand(replayAllCommand, '--hub', pool.url, '--threads', '1', '--json', ...words)
  const lines = run.out.split('\n').filter((line) => line !== '')
  return { ...run, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

/** The hub as somebody on the way shows it. @returns its address */
async function tampered(edit: (path: string, bytes: Buffer) => Buffer): Promise<string> {
  const server = createServer(async (request, response) => {
    const answer = await fetch(`${pool.url}${request.url}`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status).end(answer.ok ? edit(request.url ?? '', bytes) : bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('an audit of a hub', () => {
  it('walks the ledger, verifies and executes public records, and goes on where it stopped', async () => {
    const [first, hidden, third] = [await settle('one'), await settle('two'), await settle('three')]
    await publish(first.id)
    await publish(third.id)
    const state = path.join(folder, 'state.json')
    const whole = await audit('--state', state, '--shards', 'all')
    expect(whole.err).toBe('')
    expect(whole.code).toBe(0)
    expect(whole.lines).toEqual([
      expect.objectContaining({ index: 0, job_id: first.id, status: 'verified', replayed: 1 }),
      expect.objectContaining({ index: 2, job_id: third.id, status: 'verified', replayed: 1 }),
      expect.objectContaining({ ok: true, size: 3 }),
    ])
    expect(whole.out).not.toContain(hidden.id)
    expect(JSON.parse(await readFile(state, 'utf8'))).toMatchObject({ next: 3, counts: { verified: 2 } })

    // The key is rotated in between: records of the old one stay valid.
    const records = createRecordStore(testPool.database)
    await rotateHubKey(hubKeyFile(testPool.dataDir), records)
    const fourth = await settle('four')
    await publish(fourth.id)
    const later = await audit('--state', state)
    expect(later.lines.map(({ index }) => index)).toEqual([3, undefined])
    expect(later.lines.at(-1)).toMatchObject({ counts: { verified: 3 } })
    const all = await audit('--shards', '0')
    expect(all.lines.filter(({ status }) => status === 'verified')).toHaveLength(3)

    // From a size, and from a date.
    expect((await audit('--since', '3', '--shards', '0')).lines.map(({ index }) => index)).toEqual([
      3,
      undefined,
    ])
    expect((await audit('--since', '2999-01-01')).lines).toHaveLength(1)
  })

  it('finds a wrong shard, and says of the corrected record that it is corrected', async () => {
    const from = String((await settle('before')).record?.index ?? 0)
    const wrong = await settle('wrong', true)
    await publish(wrong.id)
    const found = await audit('--since', from)
    expect(found.code).toBe(1)
    expect(found.lines[0]).toMatchObject({ job_id: wrong.id, status: 'wrong', different: [0] })
    expect(found.lines[0]?.detail).toContain(`npm run recheck -- --job ${wrong.id} --shards 0`)

    const { database, dataDir } = testPool
    const records = createRecordStore(database)
    const ports = {
      ops: OPS,
      jobs: createJobStore(database, SAMPLE_TERMS),
      results: createResultStore(database.pool),
      records,
      blobs: await openFileBlobStore(path.join(dataDir, 'blobs')),
      corrections: createCorrectionStore(database),
      referee: referenceReferee(),
      hubKey: openHubKey(hubKeyFile(dataDir), records),
    }
    expect((await recheck(ports, wrong.id, [0])).entries).toHaveLength(1)
    await settle('after')
    const corrected = await audit('--since', from)
    expect(corrected.lines[0]).toMatchObject({ job_id: wrong.id, status: 'corrected' })
    expect(corrected.code).toBe(0)

    // A hub that hides the correction is found by the entries of its own ledger.
    const hub = await tampered((url, bytes) => {
      if (!url.endsWith('/evidence')) return bytes
      const { corrections: _, ...bundle } = JSON.parse(bytes.toString())
      return Buffer.from(JSON.stringify(bundle))
    })
    const hiding = await audit('--hub', hub, '--since', from)
    expect(hiding.lines[0]).toMatchObject({ status: 'wrong' })
    expect(hiding.lines[0]?.detail).toContain('leaves out its correction')
  })

  it('does not believe a ledger that is not what was signed or kept', async () => {
    const kept = path.join(folder, 'checkpoint')
    const note = await (await fetch(`${pool.url}/log/checkpoint`)).text()
    await writeFile(kept, note)
    await settle('grown')
    expect((await audit('--checkpoint', kept, '--since', '2999-01-01')).code).toBe(0)
    const rolled = await tampered((url, bytes) => (url === '/log/checkpoint' ? Buffer.from(note) : bytes))
    await writeFile(kept, await (await fetch(`${pool.url}/log/checkpoint`)).text())
    const back = await audit('--hub', rolled, '--checkpoint', kept)
    expect([back.code, back.err]).toEqual([1, expect.stringContaining('entries before and has')])
    const bent = await tampered((url, bytes) =>
      url.includes('/entries/') ? Buffer.from(bytes.map((byte, at) => (at === 16 ? byte ^ 1 : byte))) : bytes,
    )
    expect((await audit('--hub', bent)).code).toBe(1)
    const forged = await tampered((url, bytes) =>
      url === '/log/checkpoint' ? Buffer.from(bytes.toString().replace(/\n\d+\n/, '\n1\n')) : bytes,
    )
    expect((await audit('--hub', forged)).err).toContain('has not signed')
  })

  it('says how it was called wrongly, and that a hub is not there', async () => {
    for (const words of [
      ['x'],
      ['--since', 'yesterday'],
      ['--shards', 'few'],
      ['--hub', 'pool'],
      ['--log-key', 'x'],
    ])
      expect((await audit(...words)).code, words.join(' ')).toBe(2)
    const empty = await tampered(() => Buffer.from('{}'))
    expect((await audit('--hub', empty)).code).toBe(3)
    await writeFile(path.join(folder, 'no state'), '{}')
    expect((await audit('--state', path.join(folder, 'no state'))).code).toBe(3)
  })
})
