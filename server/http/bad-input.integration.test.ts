import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { solveChallenge } from '../../agent-runtime/challenge.ts'
import { hubError } from '../../agent-runtime/hub-transport.ts'
import { CLOSE, challengeOutput, type LeaseMessage, type ResultInput } from '../../kernel/protocol.ts'
import { WIRE_LIMITS, wireEncoder } from '../../kernel/wire-encoder.ts'
import { HUB } from '../hub/core/limits.ts'
import { startChild } from '../memory/testing/child.ts'
import { AGENT_LIMITS } from './limits.ts'
import { type AgentPeer, agentUrl, closeOf, connectAgentPeer, emptyResult } from './testing/agent-peer.ts'
import { signUp } from './testing/sign-up.ts'
import { createTestPool, type RunningPool, type TestPool } from './testing/start-pool.ts'

/** What a hub hears on the open network beside its agents: each has a defined answer, and a figure that grows by it. */

/** A part of the plane where every point escapes at once: many shards, none of which takes a millisecond. */
const FAR_AWAY = {
  contract: 1,
  op: { name: 'media', version: 1, profile: 'mandelbrot.v1' },
  args: { center_re: 2.5, center_im: 2.5, span: 0.1, width: 256, height: 256, max_iterations: 32_000 },
  seed: { mode: 'explicit', value: 'bad input' },
  verify: { mode: 'none' },
}

let testPool: TestPool
let pool: RunningPool
const peers: AgentPeer[] = []

beforeAll(async () => {
  testPool = await createTestPool({ trustedProxies: [] })
  pool = await testPool.start()
  const ada = await signUp(pool)
  await ada.call('jobs.submit', { contract: FAR_AWAY })
})
afterAll(async () => {
  for (const peer of peers) peer.close()
  await testPool.dispose()
  // Whatever strangers send is no fault of the server's; agents that are wrong are named.
  for (const line of testPool.complaints)
    expect(line).toMatch(/a result was refused|an agent is in quarantine/)
})

interface Holder {
  readonly peer: AgentPeer
  readonly enrolled: Awaited<ReturnType<AgentPeer['enrol']>>
  readonly leases: readonly LeaseMessage[]
}

/** An agent that holds so many leases. */
async function holding(count: number, more: Record<string, unknown> = {}): Promise<Holder> {
  const peer = connectAgentPeer(pool.url)
  peers.push(peer)
  const enrolled = await peer.enrol({ window: Math.max(1, count), ...more })
  return { peer, enrolled, leases: await peer.offered(enrolled.session, count) }
}

const first = ({ leases: [lease] }: Holder): LeaseMessage => {
  if (lease === undefined) throw new Error('it holds a lease')
  return lease
}

/** What comes back for a result: its outcome, or the code of the error. */
async function answerTo(peer: AgentPeer, result: ResultInput): Promise<unknown> {
  const call = peer.call('mutation', 'hub.result', result)
  return call.then(
    (answer) => (answer as { outcome: string }).outcome,
    (error: unknown) => hubError(error).code,
  )
}

async function closeAfter(...frames: readonly (Uint8Array | string)[]): Promise<number> {
  const socket = new WebSocket(agentUrl(pool.url))
  const closed = closeOf(socket)
  socket.on('open', () => {
    for (const frame of frames) socket.send(frame)
  })
  return (await closed).code
}

const call = (path: string, input: unknown) =>
  wireEncoder.encode({ id: 1, method: 'mutation', params: { path, input } })
const cut = (why: string) => `forge_agent_disconnects_total{why="${why}"}`
const results = (outcome: string) => `forge_hub_results_total{outcome="${outcome}"}`
const refused = (code: string) => `forge_agent_refusals_total{code="${code}"}`

const KINDS: readonly {
  readonly what: string
  readonly does: () => Promise<unknown>
  readonly answer: unknown
  readonly counts: readonly string[]
}[] = [
  {
    what: 'bytes that are no frame of the protocol',
    does: () => closeAfter(new Uint8Array([0xc1, 1, 2])),
    answer: CLOSE.malformed,
    counts: [cut('malformed')],
  },
  {
    what: 'a call of the wrong shape',
    does: () => closeAfter(call('hub.release', { session: 's', lease_ids: 7 })),
    answer: CLOSE.malformed,
    counts: [cut('malformed'), refused('MESSAGE_INVALID')],
  },
  {
    what: 'a frame over the limit',
    does: () => closeAfter(new Uint8Array(WIRE_LIMITS.frame_bytes + 1)),
    answer: 1009,
    counts: [cut('too_large')],
  },
  {
    what: 'more messages than the rate allows',
    does: () => closeAfter(...Array.from({ length: 2 * AGENT_LIMITS.messages_burst }, () => 'PING')),
    answer: CLOSE.too_many,
    counts: [cut('too_many')],
  },
  {
    what: 'a result that is sent twice',
    async does() {
      const holder = await holding(1)
      const result = await holder.peer.resultOf(holder.enrolled, first(holder))
      return [await answerTo(holder.peer, result), await answerTo(holder.peer, result)]
    },
    answer: ['received', 'not_held'],
    counts: [results('received'), results('not_held')],
  },
  {
    what: 'a result that is sent twice at once',
    async does() {
      const holder = await holding(1)
      const result = await holder.peer.resultOf(holder.enrolled, first(holder))
      // By two connections: one of tRPC's clients would put both calls into one frame.
      const other = connectAgentPeer(pool.url)
      peers.push(other)
      await other.call('query', 'hub.challenge', {})
      return (await Promise.all([holder.peer, other].map((peer) => answerTo(peer, result)))).toSorted()
    },
    answer: ['not_held', 'received'],
    counts: [results('not_held'), results('received')],
  },
  {
    what: 'a challenge that is used twice',
    async does() {
      const [one, other] = [connectAgentPeer(pool.url), connectAgentPeer(pool.url)]
      peers.push(one, other)
      const given = challengeOutput.parse(await one.call('query', 'hub.challenge', {}))
      const challenge = await solveChallenge(given, new AbortController().signal)
      await one.enrol({ challenge })
      return other.enrol({ challenge }).catch((error: unknown) => hubError(error).code)
    },
    answer: 'CHALLENGE_REQUIRED',
    counts: [refused('CHALLENGE_REQUIRED')],
  },
  {
    what: 'results in another order than their leases',
    async does() {
      const { peer, enrolled, leases } = await holding(2)
      const answers: unknown[] = []
      for (const lease of leases.toReversed())
        answers.push(await answerTo(peer, await peer.resultOf(enrolled, lease)))
      return answers
    },
    answer: ['received', 'received'],
    counts: [results('received'), results('received')],
  },
  {
    what: 'a result after its lease was given back',
    async does() {
      const holder = await holding(1)
      const { peer, enrolled } = holder
      const result = await peer.resultOf(enrolled, first(holder))
      const release = { session: enrolled.session, lease_ids: [result.lease_id], reason: 'stopped' }
      await peer.call('mutation', 'hub.release', release)
      return answerTo(peer, result)
    },
    answer: 'not_held',
    counts: [results('released'), results('not_held')],
  },
  {
    what: 'a result before its agent has enrolled, or of a session that nobody knows',
    async does() {
      const peer = connectAgentPeer(pool.url)
      peers.push(peer)
      return answerTo(peer, emptyResult('nobody'))
    },
    answer: 'UNAUTHENTICATED',
    counts: [refused('UNAUTHENTICATED')],
  },
  {
    what: "a result for another session's lease, which stays that session's",
    async does() {
      const [holder, thief] = [await holding(1), await holding(1)]
      const result = await holder.peer.resultOf(holder.enrolled, first(holder))
      const stolen = { ...result, session: thief.enrolled.session }
      return [await answerTo(thief.peer, stolen), await answerTo(holder.peer, result)]
    },
    answer: ['not_held', 'received'],
    counts: [results('not_held'), results('received')],
  },
  {
    what: 'a result under an earlier epoch of the hub',
    async does() {
      const holder = await holding(1)
      const result = await holder.peer.resultOf(holder.enrolled, first(holder))
      return answerTo(holder.peer, { ...result, epoch: result.epoch - 1 })
    },
    answer: 'not_held',
    counts: [results('not_held')],
  },
  {
    what: 'a result for more shards than its lease has',
    async does() {
      const holder = await holding(1)
      const result = await holder.peer.resultOf(holder.enrolled, first(holder))
      const digests = new Uint8Array(result.digests.length + 32)
      digests.set(result.digests)
      const answer = await answerTo(holder.peer, { ...result, digests })
      return [answer, (await holder.peer.closed).code]
    },
    answer: ['MESSAGE_INVALID', CLOSE.malformed],
    counts: [results('invalid'), refused('MESSAGE_INVALID'), 'forge_hub_agents_failed_total{executor="cpu"}'],
  },
  {
    what: 'a result for other shards than its lease has',
    async does() {
      const holder = await holding(1)
      const lease = first(holder)
      const other = lease.first === 0 ? lease.count : 0
      const elsewhere = await holder.peer.resultOf(holder.enrolled, { ...lease, first: other })
      return answerTo(holder.peer, elsewhere)
    },
    answer: 'MESSAGE_INVALID',
    counts: [results('invalid'), refused('MESSAGE_INVALID'), 'forge_hub_agents_failed_total{executor="cpu"}'],
  },
  {
    what: 'a claim of a speed that no machine has, which gets what an unknown agent gets',
    does: async () => first(await holding(1, { speed: 1e12 })).count <= HUB.first_lease_shards,
    answer: true,
    counts: ['forge_hub_speed_claims_ignored_total'],
  },
]

/** Sums of series, by their name with labels. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${pool.url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line.startsWith('forge_'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

it.each(KINDS)('$what', async ({ does, answer, counts }) => {
  const before = await scrape()
  expect(await does()).toEqual(answer)
  const after = await scrape()
  for (const series of new Set(counts)) {
    const grown = (after.get(series) ?? 0) - (before.get(series) ?? 0)
    expect(grown, series).toBe(counts.filter((one) => one === series).length)
  }
})

it('ten thousand connections at once from one address: a few are kept, the others are refused, agents elsewhere go on', async () => {
  const CROWD = 10_000
  const before = await scrape()
  const args = [pool.port, CROWD, AGENT_LIMITS.sockets_per_host].map(String)
  const crowd = startChild(new URL('./testing/crowd.ts', import.meta.url), args)
  const isOver = crowd.line()
  const outsider = await holding(1)
  expect(
    await answerTo(outsider.peer, await outsider.peer.resultOf(outsider.enrolled, first(outsider))),
  ).toBe('received')
  expect(await isOver).toBe(String(CROWD - AGENT_LIMITS.sockets_per_host))
  const after = await scrape()
  const ends = [
    'forge_connections_refused_total{why="address_full"}',
    'forge_connections_refused_total{why="server_full"}',
    'forge_rate_limited_total{limit="upgrade"}',
    cut('address_full'),
  ].map((series) => (after.get(series) ?? 0) - (before.get(series) ?? 0))
  expect(ends.reduce((sum, count) => sum + count)).toBe(CROWD - AGENT_LIMITS.sockets_per_host)
  expect(await (await fetch(`${pool.url}/healthz`)).json()).toEqual({ ok: true, epoch: pool.epoch })
  await crowd.kill()
})
