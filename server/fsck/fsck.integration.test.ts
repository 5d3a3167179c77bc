import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type AgentPeer, connectAgentPeer } from '../http/testing/agent-peer.ts'
import { signUp } from '../http/testing/sign-up.ts'
import { createTestPool, piContract, TEST_SPLIT, type TestPool } from '../http/testing/start-pool.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { checkDeployment } from './check.ts'

let testPool: TestPool
let agents: AgentPeer[] = []
beforeEach(async () => {
  testPool = await createTestPool()
  const pool = await testPool.start()
  const ada = await signUp(pool)
  for (const seed of ['one', 'two']) {
    const contract = { ...piContract(seed, 2), verify: { mode: 'none' } }
    const { id } = (await ada.call('jobs.submit', { contract })) as { id: string }
    const agent = connectAgentPeer(pool.url)
    agents.push(agent)
    agent.work(await agent.enrol(), 100)
    await vi.waitFor(
      async () => expect(await ada.call('jobs.get', { id })).toMatchObject({ record: { published: true } }),
      PATIENCE,
    )
  }
  for (const agent of agents) agent.close()
  agents = []
  await pool.close()
})
afterEach(() => testPool.dispose())

async function check() {
  const findings: string[] = []
  const counts = await checkDeployment(
    testPool.database,
    { dataDir: testPool.dataDir, split: TEST_SPLIT },
    (name, subject, detail) => findings.push(`${name}: ${subject}: ${detail}`),
  )
  return { counts, findings }
}

it('finds nothing in a deployment that is whole, and what was changed in one that is not', async () => {
  expect(await check()).toEqual({ counts: { entries: 2, records: 2, erased: 0 }, findings: [] })
  const { pool } = testPool.database

  // A tile on the disk.
  const tile = path.join(testPool.dataDir, 'log', 'tile/entries/000.p/2')
  const bytes = await readFile(tile)
  await writeFile(
    tile,
    Uint8Array.from(bytes, (byte, at) => (at === 40 ? byte ^ 1 : byte)),
  )
  expect((await check()).findings).toEqual([
    expect.stringMatching(/^tiles: tile\/entries\/000\.p\/2: it has other/),
  ])
  await writeFile(tile, bytes)

  // Stored results.
  const { rows } = await pool.query("UPDATE jobs SET result = replace(result, '0', '1') RETURNING id")
  expect(rows).toHaveLength(2)
  const { findings } = await check()
  expect(findings).toHaveLength(2)
  for (const finding of findings) expect(finding).toMatch(/^records: entry \d, job \S+: result: /)
})
