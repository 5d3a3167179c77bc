import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  claimChallengeView,
  claimView,
  type DeviceView,
  deviceList,
  deviceView,
} from '../../kernel/api/devices.ts'
import type { ProbeReport } from '../../kernel/probe-report.ts'
import { type AgentPeer, connectAgentPeer } from './testing/agent-peer.ts'
import { postJson, type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let eve: SignedUp
const open: AgentPeer[] = []

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
  eve = await signUp(pool, 'Eve')
})
afterAll(async () => {
  for (const peer of open) peer.close()
  await testPool.dispose()
})

function connect(): AgentPeer {
  const peer = connectAgentPeer(pool.url)
  open.push(peer)
  return peer
}

async function nodeToken(person: SignedUp): Promise<string> {
  return ((await person.call('nodeTokens.create', { name: 'device' })) as { token: string }).token
}

async function devicesOf(person: SignedUp): Promise<readonly DeviceView[]> {
  return deviceList.parse(await person.call('devices.list', undefined)).items
}

async function challengeOf(person: SignedUp) {
  return claimChallengeView.parse(await person.call('devices.claimChallenge', undefined))
}

/** Status and code of a call that is refused. */
async function refusal(person: SignedUp, procedure: string, input: unknown) {
  const answer = await postJson(`${pool.url}/api/trpc/${procedure}`, input, person.headers)
  const { error } = (await answer.json()) as { error: { data: { forge: { code: string; message: string } } } }
  return { status: answer.status, ...error.data.forge }
}

/** Asked again now and then until it holds; the test's own time-out ends it. Asking without a pause would starve the server. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

async function settled(person: SignedUp, id: string): Promise<void> {
  await eventually(async () => {
    const { state } = (await person.call('jobs.get', { id })) as { state: string }
    return state === 'settled'
  })
}

const PROBE: ProbeReport = {
  kind: 'cpu',
  label: 'test',
  ok: true,
  checks: [],
  golden: [{ op: 'mc@1/pi.v1', ok: true }],
  speed: 5e6,
}

describe('a person’s devices', () => {
  it('are the agents of his node tokens, with what they are and ran', async () => {
    const [one, two] = [connect(), connect()]
    const mine = await one.enrol({ owner_token: await nodeToken(ada), probe: [PROBE] })
    const theirs = await two.enrol({ owner_token: await nodeToken(eve) })
    one.work(mine, 10)
    two.work(theirs, 10)
    const submitter = await signUp(pool, 'Katherine')
    const { id } = (await submitter.call('jobs.submit', { contract: piContract('devices') })) as {
      id: string
    }
    await settled(submitter, id)
    const listed = async () => (await devicesOf(ada)).find((device) => device.id === mine.agent_id)
    // Totals follow the commit that settles the job.
    await eventually(async () => (await listed())?.shards === 1)
    expect(await devicesOf(ada)).toHaveLength(1)
    expect(await listed()).toMatchObject({
      name: null,
      software: 'test/1',
      connected: true,
      revoked_at: null,
      executors: [{ executor: 'cpu', label: 'test', shards: 1, probe: PROBE }],
      ops: [{ op: 'mc@1/pi.v1', shards: 1 }],
    })
    expect((await listed())?.credits).toBeGreaterThan(0)
    expect((await devicesOf(eve)).map(({ id }) => id)).toEqual([theirs.agent_id])
    for (const peer of [one, two]) peer.close()
    await Promise.all([one.closed, two.closed])
  })

  it('have the name he gives them', async () => {
    const { agent_id: id } = await connect().enrol({ owner_token: await nodeToken(ada) })
    expect(deviceView.parse(await ada.call('devices.rename', { id, name: ' Küche, links ' })).name).toBe(
      'Küche, links',
    )
    expect(await refusal(ada, 'devices.rename', { id, name: '\u202e' })).toMatchObject({ status: 400 })
    expect(await refusal(eve, 'devices.rename', { id, name: 'Eve’s' })).toMatchObject({ code: 'NOT_FOUND' })
    expect((await devicesOf(ada)).find((device) => device.id === id)?.name).toBe('Küche, links')
    expect(deviceView.parse(await ada.call('devices.rename', { id, name: null })).name).toBeNull()
  })

  it('stop when he revokes them, hear why, and are not let in again', async () => {
    const peer = connect()
    const token = await nodeToken(ada)
    const { agent_id: id, session } = await peer.enrol({ owner_token: token })
    const heard = peer.hears(session)
    expect(await refusal(eve, 'devices.revoke', { id })).toMatchObject({ code: 'NOT_FOUND' })
    const revoked = deviceView.parse(await ada.call('devices.revoke', { id }))
    expect(revoked).toMatchObject({ revoked_at: expect.any(String), connected: false })
    expect((await heard).at(-1)).toEqual({ t: 'ended', reason: 'its owner has revoked this key' })
    await expect(peer.enrol({ owner_token: token })).rejects.toThrow(
      'the owner of this agent has revoked its key',
    )
    await expect(peer.enrol()).rejects.toThrow('the owner of this agent has revoked its key')
    expect(await ada.call('devices.revoke', { id })).toEqual(revoked)
  })
})

describe('an anonymous agent', () => {
  it('brings what it has earned to the account that claims it', async () => {
    const [anonymous, other] = [connect(), connect()]
    const { agent_id, ...enrolled } = await anonymous.enrol()
    anonymous.work({ agent_id, ...enrolled }, 10)
    other.work(await other.enrol({ owner_token: await nodeToken(eve) }), 10)
    const submitter = await signUp(pool, 'Katherine')
    const contract = piContract('earned before')
    const { id } = (await submitter.call('jobs.submit', { contract })) as { id: string }
    await settled(submitter, id)
    const grace = await signUp(pool, 'Grace')
    const available = async () =>
      ((await grace.call('credits.balance', undefined)) as { available: number }).available
    const before = await available()
    const claimed = claimView.parse(
      await grace.call('devices.claim', anonymous.claim(await challengeOf(grace))),
    )
    expect(claimed.credits).toBeGreaterThan(0)
    expect(claimed.device.credits).toBe(claimed.credits)
    expect(await available()).toBe(before + claimed.credits)
    const again = claimView.parse(
      await grace.call('devices.claim', anonymous.claim(await challengeOf(grace))),
    )
    expect(again).toMatchObject({ credits: 0, device: { id: agent_id, credits: claimed.credits } })
    anonymous.close()
  })

  it('becomes the account’s by a signature over its challenge', async () => {
    const peer = connect()
    const { agent_id, session } = await peer.enrol()
    const claimed = claimView.parse(await ada.call('devices.claim', peer.claim(await challengeOf(ada))))
    expect(claimed).toMatchObject({ device: { id: agent_id, connected: true }, credits: 0 })
    expect((await devicesOf(ada)).map(({ id }) => id)).toContain(agent_id)
    // The session under way still speaks for its network.
    const agents = (await ada.call('agents.list', undefined)) as {
      items: { id: string; owner: string | null }[]
    }
    expect(agents.items.find(({ id }) => id === agent_id)?.owner).toBeNull()
    expect(session).toBeDefined()
    const again = claimView.parse(await ada.call('devices.claim', peer.claim(await challengeOf(ada))))
    expect(again.device.id).toBe(agent_id)
  })

  it('is nobody’s to take: not by an account that comes later, nor by a used, foreign or unknown challenge', async () => {
    const peer = connect()
    await peer.enrol()
    const challenge = await challengeOf(ada)
    const proof = peer.claim(challenge)
    const notOpen = { status: 409, code: 'CONFLICT', message: 'this challenge is not open any more' }
    expect(await refusal(eve, 'devices.claim', proof)).toMatchObject(notOpen)
    await ada.call('devices.claim', proof)
    expect(await refusal(ada, 'devices.claim', proof)).toMatchObject(notOpen)
    expect(await refusal(ada, 'devices.claim', { ...proof, nonce: 'n'.repeat(43) })).toMatchObject(notOpen)
    const late = await refusal(eve, 'devices.claim', peer.claim(await challengeOf(eve)))
    const unknown = await refusal(eve, 'devices.claim', connect().claim(await challengeOf(eve)))
    expect(late).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(unknown).toEqual(late)
  })

  it('is not given for the signature of another key, or over another challenge', async () => {
    const [peer, other] = [connect(), connect()]
    const { agent_id } = await peer.enrol()
    const challenge = await challengeOf(eve)
    const { public_key } = peer.claim(challenge)
    expect(await refusal(eve, 'devices.claim', { ...other.claim(challenge), public_key })).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
    })
    // One try: the right answer comes too late.
    expect(await refusal(eve, 'devices.claim', peer.claim(challenge))).toMatchObject({ status: 409 })
    const next = await challengeOf(eve)
    const signed = peer.claim({ ...next, owner: (await challengeOf(ada)).owner })
    expect(await refusal(eve, 'devices.claim', signed)).toMatchObject({ status: 403 })
    expect((await devicesOf(eve)).map(({ id }) => id)).not.toContain(agent_id)
  })
})
