import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { programRoot } from '../config.ts'
import { verifySignature } from '../evidence/signing-keys.ts'
import { checkDeployment } from '../fsck/check.ts'
import { connectAgentPeer } from '../http/testing/agent-peer.ts'
import { type SignedUp, signUp } from '../http/testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  TEST_SPLIT,
  type TestPool,
} from '../http/testing/start-pool.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { backup } from './backup.ts'
import { restore } from './restore.ts'

const root = programRoot()

let original: TestPool
let target: TestPool
let work: string
beforeEach(async () => {
  original = await createTestPool()
  target = await createTestPool()
  work = await mkdtemp(path.join(tmpdir(), 'forge-backup-test-'))
})
afterEach(async () => {
  await original.dispose()
  await target.dispose()
  await rm(work, { recursive: true, force: true })
})

/** @returns the job's id once its record is in the published ledger */
async function settle(pool: RunningPool, person: SignedUp, seed: string): Promise<string> {
  const contract = { ...piContract(seed, 2), verify: { mode: 'none' } }
  const { id } = (await person.call('jobs.submit', { contract })) as { id: string }
  const agent = connectAgentPeer(pool.url)
  agent.work(await agent.enrol(), 100)
  await vi.waitFor(
    async () => expect(await person.call('jobs.get', { id })).toMatchObject({ record: { published: true } }),
    PATIENCE,
  )
  agent.close()
  return id
}

async function findings(pool: TestPool): Promise<string[]> {
  const found: string[] = []
  await checkDeployment(
    pool.database,
    { dataDir: pool.dataDir, split: TEST_SPLIT },
    (check, subject, detail) => found.push(`${check}: ${subject}: ${detail}`),
  )
  return found
}

it('brings back everything of a deployment that was copied while it ran, and the ledger goes on', async () => {
  const pool = await original.start()
  const ada = await signUp(pool)
  const id = await settle(pool, ada, 'before the backup')
  const folder = path.join(work, 'backup')
  await backup(original.database.pool, { dataDir: original.dataDir, root }, folder, new Date(0))
  const checkpoint = await (await fetch(`${pool.url}/log/checkpoint`)).text()
  await pool.close()

  await restore(target.database, { dataDir: target.dataDir, root }, folder)
  expect(await findings(target)).toEqual([])

  const again = await target.start(pool.port)
  // The session of before is a row like any other.
  const before = await fetch(`${again.url}/api/v0/jobs/${id}/evidence`, { headers: ada.headers })
  expect(before.status).toBe(200)
  const next = await signUp(again)
  const later = await settle(again, next, 'after the restore')
  const evidence = await fetch(`${again.url}/api/v0/jobs/${later}/evidence?since=1`, {
    headers: next.headers,
  })
  const report = await verifyEvidence(await evidence.text(), { checkpoint }, { verifySignature, ops: OPS })
  expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
  expect(report.checks).toContainEqual(expect.objectContaining({ id: 'consistency', state: 'passed' }))
  await again.close()
  expect(await findings(target)).toEqual([])
  expect([...original.complaints, ...target.complaints]).toEqual([])
})

it('refuses a folder that exists, a damaged backup, and a target that holds something', async () => {
  const pool = await original.start()
  await signUp(pool)
  await pool.close()
  const from = { dataDir: original.dataDir, root }
  const to = { dataDir: target.dataDir, root }
  const folder = path.join(work, 'backup')
  await backup(original.database.pool, from, folder, new Date(0))
  await expect(backup(original.database.pool, from, folder, new Date(0))).rejects.toThrow(/exists already/)
  await expect(restore(original.database, from, folder)).rejects.toThrow(/holds the keys of a server already/)
  await expect(restore(original.database, to, folder)).rejects.toThrow(/holds jobs or accounts already/)
  await expect(restore(target.database, to, work)).rejects.toThrow(/has no manifest/)

  const table = path.join(folder, 'tables', 'users.gz')
  const bytes = await readFile(table)
  await writeFile(
    table,
    bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
  )
  await expect(restore(target.database, to, folder)).rejects.toThrow(/users.gz of the backup is damaged/)
  await writeFile(table, bytes)
  await restore(target.database, to, folder)
  expect((await target.database.pool.query('SELECT FROM users')).rowCount).toBe(1)
})
