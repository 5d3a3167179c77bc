import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { referenceLeaf } from '../kernel/ops/references.test-support.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { Agent } from './agent.ts'
import { systemClock } from './clock.ts'
import type { Executor } from './executor.ts'
import { goldenJobs } from './golden.ts'
import { generateSeed, identityOf, type KeyStore, openIdentity } from './identity.ts'
import { MemoryHub } from './memory-hub.test-support.ts'
import { ReportedSensors, UNDISTURBED } from './sensors.ts'
import type { AgentStatus } from './status.ts'
import { WasmExecutor } from './wasm/executor.ts'

const [{ job, inputs } = { job: undefined, inputs: new Map<string, Uint8Array>() }] = goldenJobs(
  OPS,
  'tensor@1/matmul.v1',
)
if (job === undefined) throw new Error('no golden job')

function setUp(makeCpu: () => Promise<Executor> = async () => new WasmExecutor()) {
  const hub = new MemoryHub()
  for (const bytes of inputs.values()) hub.blobs.set(sha256Hex(bytes), bytes)
  const sensors = new ReportedSensors()
  const seed = generateSeed()
  const keys: KeyStore = {
    load: async () => seed,
    generate: async () => seed,
    keep: async () => seed,
    note: () => undefined,
  }
  const opened: string[] = []
  const agent = new Agent({
    executors: {
      gpu: undefined,
      noGpuReason: 'there is no WebGPU here',
      makeCpu: () => {
        opened.push('cpu')
        return makeCpu()
      },
    },
    cores: 2,
    sensors,
    keys: () => keys,
    registry: OPS,
    clock: systemClock,
    random: () => 0,
    software: 'test/1',
    transport: (socket) => {
      opened.push(socket)
      return hub
    },
    reachesOtherHubs: true,
    blobs: (origin) => {
      opened.push(origin)
      return hub
    },
    trust: () => hub,
  })
  const until = (wanted: (status: AgentStatus) => boolean) =>
    new Promise<AgentStatus>((resolve) => {
      const stop = agent.subscribe((status) => {
        if (!wanted(status)) return
        queueMicrotask(() => stop())
        resolve(status)
      })
    })
  return { agent, hub, keys, sensors, opened, until }
}

const START = { executor: 'auto', hubUrl: 'https://pool.example' } as const

describe('the agent', () => {
  it('puts its new key in place once a hub that it trusts has taken it', async () => {
    const { agent, hub, keys, until } = setUp()
    const next = generateSeed()
    let promoted = 0
    Object.assign(keys, {
      next: { load: async () => next, keep: async () => next, promote: async () => void promoted++ },
    })
    hub.untrusted = new ForgeError('FORBIDDEN', 'another key than before')
    agent.start(START)
    await until(({ state }) => state === 'failed')
    await agent.stop()
    expect(promoted).toBe(0)
    hub.untrusted = undefined
    agent.start(START)
    const { events } = await until(({ events: [...all] }) => all.some(({ text }) => text.includes('new key')))
    expect(events.at(-1)?.text).toContain('The hub refuses the old one')
    expect(promoted).toBe(1)
    const { keyId, publicKey } = await identityOf(next)
    expect(agent.status.agent_id).toBe(keyId)
    expect(hub.enrolled.at(-1)).toMatchObject({ public_key: publicKey })
    expect(hub.enrolled.at(-1)?.succeeds?.public_key).toEqual((await openIdentity(keys)).publicKey)
    await agent.stop()
  })

  it('opens nothing before it is started, and nothing stays when it is stopped', async () => {
    const { agent, hub, opened, until } = setUp()
    expect(agent.status.state).toBe('idle')
    expect([opened, hub.calls]).toEqual([[], []])
    agent.start(START)
    await until(({ state }) => state === 'running')
    expect(opened).toEqual(['cpu', 'wss://pool.example/agent', 'https://pool.example'])
    await agent.stop()
    expect(agent.status.state).toBe('idle')
    expect(hub.subscribed).toBe(false)
  })

  it('says what it found out about each executor, and uses the one that computes', async () => {
    const { agent, hub, until } = setUp()
    agent.start(START)
    const status = await until(({ state }) => state === 'running')
    expect(status.executor).toEqual({
      kind: 'wasm',
      label: 'WASM with SIMD, one thread',
      why: 'no other executor can be used here',
    })
    expect(status.events.at(-1)?.text).toBe(
      'Computing on the CPU: WASM with SIMD, one thread, no other executor can be used here.',
    )
    expect(status.probe).toMatchObject([
      { kind: 'webgpu', ok: false, reason: 'there is no WebGPU here' },
      { kind: 'wasm', ok: true, speed: expect.any(Number) },
    ])
    expect(new Set(status.probe[1]?.golden.map(({ op }) => op))).toEqual(
      new Set(status.probe[1]?.families?.map(({ op }) => op)),
    )
    expect(hub.enrolled[0]?.probe).toEqual([
      {
        kind: 'webgpu',
        label: 'none',
        ok: false,
        reason: 'there is no WebGPU here',
        checks: [],
        golden: [],
      },
      {
        kind: 'wasm',
        label: expect.stringMatching(/^WASM/),
        ok: true,
        checks: [],
        golden: status.probe[1]?.golden.map(({ op }) => ({ op, ok: true })),
        speed: status.probe[1]?.speed,
      },
    ])
    await agent.stop()
  })

  it('does not even probe while its page cannot be seen, and begins anew when it can', async () => {
    const { agent, sensors, opened, until } = setUp()
    agent.configure({ pause_when_hidden: true })
    sensors.report({ ...UNDISTURBED, visible: false })
    agent.start(START)
    await until(({ state }) => state === 'paused')
    expect(opened).toEqual([])
    sensors.report(UNDISTURBED)
    await until(({ state }) => state === 'probing')
    sensors.report({ ...UNDISTURBED, visible: false })
    await until(({ state }) => state === 'paused')
    sensors.report(UNDISTURBED)
    const { probe } = await until(({ state }) => state === 'running')
    expect(probe.map(({ kind }) => kind)).toEqual(['webgpu', 'wasm'])
    await agent.stop()
  })

  it('counts what it did and what the hub accepted', async () => {
    const { agent, hub, until } = setUp()
    agent.start(START)
    await until(({ state }) => state === 'running')
    const lease_id = hub.lease(job, 0, 1)
    await until(({ leases_returned }) => leases_returned === 1)
    expect(hub.results[0]?.digests).toEqual(
      Uint8Array.from(Buffer.from(sha256Hex(referenceLeaf(job, 0, inputs)), 'hex')),
    )
    hub.say({ t: 'accepted', lease_id, shards: 1 })
    hub.say({ t: 'rejected', lease_id, reason: 'the signature is wrong' })
    const status = await until(({ shards_accepted }) => shards_accepted === 1)
    expect(status).toMatchObject({
      shards_done: 1,
      leases_returned: 1,
      current: null,
      owner: 'network 127.0.0.0/24',
    })
    expect(agent.status.events.at(-1)).toMatchObject({
      kind: 'problem',
      text: expect.stringContaining('the signature is wrong'),
    })
    await agent.stop()
  })

  it('leaves the hub while paused, says why, and comes back', async () => {
    const { agent, hub, sensors, until } = setUp()
    agent.start(START)
    await until(({ state }) => state === 'running')
    agent.pause()
    expect((await until(({ state }) => state === 'paused')).reason).toBe('You paused it.')
    expect(hub.subscribed).toBe(false)
    agent.resume()
    await until(({ state }) => state === 'running')
    sensors.report({ ...UNDISTURBED, online: false })
    expect((await until(({ state }) => state === 'offline')).reason).toMatch(/no network/)
    sensors.report(UNDISTURBED)
    await until(({ state }) => state === 'running')
    expect(hub.enrolments).toBe(1)
    await agent.stop()
  })

  it('does not connect with an executor whose golden shard is wrong', async () => {
    const wrong = new WasmExecutor()
    const { agent, hub, until } = setUp(async () => ({
      kind: 'wasm',
      label: 'wrong',
      width: 1,
      close: async () => {},
      prepare: async (prepared, operands) => {
        const runner = await wrong.prepare(prepared, operands)
        return {
          close: () => {},
          async *run(first, count, signal) {
            for await (const { shard, leaf } of runner.run(first, count, signal)) {
              leaf[0] = (leaf[0] ?? 0) ^ 1
              yield { shard, leaf }
            }
          },
        }
      },
    }))
    agent.start({ ...START, executor: 'cpu' })
    const status = await until(({ state }) => state === 'failed')
    expect(status.reason).toMatch(/golden shard .* came out wrong/)
    expect(status.probe).toMatchObject([
      { kind: 'wasm', ok: false, reason: expect.stringContaining('golden shard') },
    ])
    expect(hub.calls).toEqual([])
  })

  it('fails with the reason of the hub when it is refused for good, and can be started again', async () => {
    const { agent, hub, until } = setUp()
    hub.tamper = (path) => {
      if (path !== 'hub.enrol') return undefined
      throw new ForgeError('FORBIDDEN', 'the owner token was withdrawn', { hint: 'Make a new one.' })
    }
    agent.start(START)
    const { reason } = await until(({ state }) => state === 'failed')
    expect(reason).toBe('the owner token was withdrawn. Make a new one.')
    await agent.stop()
    hub.tamper = () => undefined
    agent.start(START)
    await until(({ state }) => state === 'running')
    expect(() => agent.start(START)).toThrow(expect.objectContaining({ code: 'CONFLICT' }))
    await agent.stop()
  })

  it('names a wrong hub address at once', () => {
    const { agent, opened } = setUp()
    for (const hubUrl of ['', 'pool.example', 'javascript:alert(1)', 'ftp://pool.example']) {
      expect(() => agent.start({ ...START, hubUrl })).toThrow(expect.objectContaining({ path: 'hubUrl' }))
    }
    expect(opened).toEqual([])
  })
})
