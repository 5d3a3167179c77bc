import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseBundle } from '../../kernel/evidence/bundle.ts'
import { type EvidenceReport, verifyEvidence } from '../../kernel/evidence/verify.ts'
import { parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import { parseSignedNote, parseVkey } from '../../kernel/ledger/signed-note.ts'
import { unpackEntries } from '../../kernel/ledger/tiles.ts'
import { MerkleRoot } from '../../kernel/merkle.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { verifySignature } from '../evidence/signing-keys.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { type AgentPeer, connectAgentPeer } from './testing/agent-peer.ts'
import { type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

const ports = { verifySignature, ops: OPS }

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let agents: AgentPeer[] = []

beforeEach(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})

afterEach(async () => {
  for (const agent of agents) agent.close()
  agents = []
  await testPool.dispose()
  expect(testPool.complaints).toEqual([])
})

/** Agents of two networks, so that a quorum of two owners can be had: both are there when the job comes. */
async function settle(seed: string, shards: number, verify: Record<string, unknown>): Promise<string> {
  for (const address of ['203.0.113.7', '198.51.100.9']) {
    const agent = connectAgentPeer(pool.url, { 'x-forwarded-for': address })
    agents.push(agent)
    agent.work(await agent.enrol(), 100)
  }
  const { id } = (await ada.call('jobs.submit', { contract: { ...piContract(seed, shards), verify } })) as {
    id: string
  }
  await vi.waitFor(
    async () => expect(await ada.call('jobs.get', { id })).toMatchObject({ state: 'settled' }),
    PATIENCE,
  )
  return id
}

const evidencePath = (id: string, query = '') => `${pool.url}/api/v0/jobs/${id}/evidence${query}`

async function download(id: string, query = ''): Promise<string> {
  return vi.waitFor(async () => {
    const response = await fetch(evidencePath(id, query), { headers: ada.headers })
    expect(response.status).toBe(200)
    return response.text()
  }, PATIENCE)
}

const failedChecks = ({ checks }: EvidenceReport) => checks.filter(({ state }) => state === 'failed')

describe('evidence of a settled job', () => {
  it('is verified from the file alone, with a quorum of two owners and their receipts', async () => {
    const id = await settle('evidence', 3, { mode: 'quorum', k: 2 })
    const file = await download(id)
    const report = await verifyEvidence(file, {}, ports)
    expect(failedChecks(report)).toEqual([])
    expect(report.record).toMatchObject({
      job_id: id,
      shards: { planned: 3, accepted: 3 },
      verification: {
        asked: { mode: 'quorum', k: 2 },
        methods: { quorum: 3 },
        keys: 2,
        owners: 2,
        copies: 6,
      },
    })
    expect(report.bundle?.receipts.length).toBeGreaterThan(0)
    const view = (await ada.call('jobs.get', { id })) as { result_digest: string; cost: { charged: number } }
    expect(report.record?.result.digest).toBe(view.result_digest)
    expect(report.record?.credits).toBe(view.cost.charged)
  })

  it('leads to the public ledger, whose tiles hash to its checkpoint', async () => {
    const first = await settle('one', 1, { mode: 'none' })
    await download(first)
    const early = await (await fetch(`${pool.url}/log/checkpoint`)).text()
    const second = await settle('two', 2, { mode: 'none' })
    const { size: past } = parseCheckpoint(parseSignedNote(early).text)
    const file = await download(second, `?since=${past}`)
    const identity = (await (await fetch(`${pool.url}/.well-known/forge-pool.json`)).json()) as {
      vkey: string
      hub_keys: { key: string }[]
    }
    const report = await verifyEvidence(
      file,
      {
        logKey: parseVkey(identity.vkey),
        hubKey: new Uint8Array(Buffer.from(identity.hub_keys[0]?.key as string, 'base64')),
        checkpoint: early,
      },
      ports,
    )
    expect(failedChecks(report)).toEqual([])
    expect(report.checks.find(({ id }) => id === 'consistency')?.state).toBe('passed')

    const note = await (await fetch(`${pool.url}/log/checkpoint`)).text()
    const { size, root } = parseCheckpoint(parseSignedNote(note).text)
    const bundle = await fetch(`${pool.url}/log/tile/entries/000.p/${size}`)
    expect(bundle.headers.get('cache-control')).toContain('immutable')
    const entries = unpackEntries(new Uint8Array(await bundle.arrayBuffer())) ?? []
    expect(entries).toHaveLength(size)
    const tree = new MerkleRoot()
    for (const entry of entries) tree.append(entry)
    expect(tree.root()).toEqual(root)
    // The log shows that there is a record, and nothing of it.
    expect(Buffer.concat(entries).toString()).not.toContain(second)
  })

  it('is made after a restart for what settled before it, and the ledger grows from what was published', async () => {
    const id = await settle('before', 1, { mode: 'none' })
    const before = await (async () => {
      await download(id)
      return (await fetch(`${pool.url}/log/checkpoint`)).text()
    })()
    for (const agent of agents) agent.close()
    agents = []
    await pool.close()
    pool = await testPool.start(pool.port)
    const later = await settle('after', 1, { mode: 'none' })
    const { size } = parseCheckpoint(parseSignedNote(before).text)
    const report = await verifyEvidence(
      await download(later, `?since=${size}`),
      { checkpoint: before },
      ports,
    )
    expect(failedChecks(report)).toEqual([])
  })

  it('is asked for with bad words', async () => {
    const id = await settle('bad', 1, { mode: 'none' })
    await download(id)
    for (const query of ['?since=-1', '?since=01', '?digests=maybe', '?what=1'])
      expect((await fetch(evidencePath(id, query), { headers: ada.headers })).status).toBe(400)
    expect((await fetch(evidencePath(id, '?since=999'), { headers: ada.headers })).status).toBe(409)
    expect((await fetch(evidencePath(id))).status).toBe(404)
    expect((await fetch(`${pool.url}/log/tile/0/../../keys/log.pem`)).status).toBe(404)
    expect((await fetch(`${pool.url}/log/tile/0/%2e%2e%2f%2e%2e`)).status).toBe(404)
    const without = parseBundle(await download(id, '?digests=no'))
    expect(without.digests).toBeUndefined()
  })
})
