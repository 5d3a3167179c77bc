import { describe, expect, it } from 'vitest'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { Executor } from '../executor.ts'
import { goldenJobs } from '../golden.ts'
import { AGENT_LIMITS } from '../limits.ts'
import { WasmExecutor } from './executor.ts'
import { serveThread } from './thread-body.ts'
import type { ComputeThread, ThreadReply, ThreadRequest } from './thread-messages.ts'
import { ThreadedWasmExecutor } from './threaded-executor.ts'
import { nextTurn } from './turn.ts'

/** A thread in this thread: each request is served in a turn of its own. */
class InlineThread implements ComputeThread {
  readonly requests: ThreadRequest[] = []
  terminated = false
  /** Serves nothing while true. */
  stuck = false
  #reply: (reply: ThreadReply) => void = () => {}
  #died: (reason: string) => void = () => {}

  post(request: ThreadRequest) {
    this.requests.push(request)
    const serve = serveThread((reply) => this.#reply(reply))
    // The body keeps its jobs by closure: prepare and shard must meet in one.
    this.#serve ??= serve
    setImmediate(() => {
      if (!this.terminated && !this.stuck) this.#serve?.(request)
    })
  }
  #serve: ((request: ThreadRequest) => void) | undefined

  listen(reply: (reply: ThreadReply) => void, died: (reason: string) => void) {
    this.#reply = reply
    this.#died = died
  }

  terminate() {
    this.terminated = true
  }

  die(reason: string) {
    this.#died(reason)
  }
}

/** Three shards of 64 x 4096 x 1 multiply-adds: real, and quick. */
function quickJob() {
  const [golden] = goldenJobs(OPS, 'tensor@1/matmul.v1')
  if (golden === undefined) throw new Error('no golden job')
  return golden
}

function threeShards() {
  const { job, inputs } = quickJob()
  const contract = parseJsonStrict(job.canonical) as { inputs: { a: object; b: object } }
  const a = new Uint8Array(700).fill(3)
  const b = new Uint8Array(256).fill(5)
  const many = OPS.prepare({
    ...contract,
    inputs: {
      a: { ...contract.inputs.a, shape: [700, 1] },
      b: { ...contract.inputs.b, shape: [1, 256] },
    },
  })
  expect(many.plan.shard_count).toBeGreaterThanOrEqual(3)
  expect(inputs.size).toBe(2)
  return {
    job: many,
    inputs: new Map([
      ['a', a],
      ['b', b],
    ]),
  }
}

describe.each<[string, () => Executor]>([
  ['on this thread', () => new WasmExecutor()],
  ['in a thread', () => new ThreadedWasmExecutor(() => new InlineThread())],
])('the WASM executor %s', (_, make) => {
  it('gives the leaves of the reference, in order', async () => {
    const { job, inputs } = threeShards()
    const runner = await make().prepare(job, inputs)
    const shards: number[] = []
    for await (const { shard, leaf } of runner.run(1, 2, new AbortController().signal)) {
      shards.push(shard)
      expect(sha256Hex(leaf)).toBe(sha256Hex(referenceLeaf(job, shard, inputs)))
    }
    expect(shards).toEqual([1, 2])
  })

  it('executes no shard after an abort', async () => {
    const { job, inputs } = threeShards()
    const executed: number[] = []
    const program = job.gpu()
    const counting: typeof job = {
      ...job,
      gpu: () => ({
        ...program,
        leaf: (shard, slot) => {
          executed.push(shard)
          return program.leaf(shard, slot)
        },
      }),
    }
    const runner = await make().prepare(counting, inputs)
    const stop = new AbortController()
    const seen: number[] = []
    const running = (async () => {
      for await (const { shard } of runner.run(0, 3, stop.signal)) {
        seen.push(shard)
        stop.abort('paused')
      }
    })()
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED', message: 'paused' })
    expect(seen).toEqual([0])
    expect(executed.length).toBeLessThanOrEqual(1)
  })

  it('serves other work between shards', async () => {
    const { job, inputs } = threeShards()
    const runner = await make().prepare(job, inputs)
    const order: string[] = []
    setImmediate(() => order.push('message'))
    for await (const { shard } of runner.run(0, 3, new AbortController().signal)) order.push(`shard ${shard}`)
    expect(order.indexOf('message')).toBeLessThan(2)
  })
})

/** A pool whose threads the test holds in its hands. */
function pool(size: number) {
  const threads: InlineThread[] = []
  const allowed = { threads: size }
  const executor = new ThreadedWasmExecutor(
    () => {
      const thread = new InlineThread()
      threads.push(thread)
      return thread
    },
    () => allowed.threads,
  )
  return { executor, threads, allowed }
}

const shardsOf = ({ requests }: InlineThread) =>
  requests.flatMap((request) => (request.t === 'shard' ? [request.shard] : []))

const never = new AbortController().signal

describe('the computing threads', () => {
  it('share the shards of a run, whose leaves come in order and are those of the reference', async () => {
    const { executor, threads } = pool(3)
    const { job, inputs } = threeShards()
    const runner = await executor.prepare(job, inputs)
    // The first shard takes longest.
    const first = runner.run(0, 3, never)[Symbol.asyncIterator]()
    const pending = first.next()
    expect(threads.map(shardsOf)).toEqual([[], [], []])
    const shards: number[] = []
    for (let result = await pending; result.done !== true; result = await first.next()) {
      const { shard, leaf } = result.value
      shards.push(shard)
      expect(sha256Hex(leaf)).toBe(sha256Hex(referenceLeaf(job, shard, inputs)))
    }
    expect(shards).toEqual([0, 1, 2])
    expect(threads.map(shardsOf)).toEqual([[0], [1], [2]])
    // A second run finds them prepared.
    for await (const { shard } of runner.run(0, 2, never)) expect(shard).toBeLessThan(2)
    expect(threads.map(({ requests }) => requests.filter(({ t }) => t === 'prepare').length)).toEqual([
      1, 1, 1,
    ])
  })

  it('are as many as the owner allows at present', async () => {
    const { executor, threads, allowed } = pool(1)
    const { job, inputs } = threeShards()
    const runner = await executor.prepare(job, inputs)
    expect(executor.label).toMatch(/one thread$/)
    for await (const _ of runner.run(0, 3, never));
    expect(threads).toHaveLength(1)
    allowed.threads = 2
    expect(executor.label).toMatch(/2 threads$/)
    for await (const _ of runner.run(0, 3, never));
    expect(threads).toHaveLength(2)
    allowed.threads = 1
    for await (const _ of runner.run(0, 3, never));
    expect(threads.filter(({ terminated }) => !terminated)).toHaveLength(1)
  })

  it('compute nothing while whoever asks for leaves rests', async () => {
    const { executor, threads } = pool(2)
    const { job, inputs } = threeShards()
    const runner = await executor.prepare(job, inputs)
    const asked = () => threads.flatMap(shardsOf).length
    const leaves = runner.run(0, 3, never, () => true)[Symbol.asyncIterator]()
    await leaves.next()
    // Both have answered, and wait.
    expect(asked()).toBe(2)
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    expect(asked()).toBe(2)
    await leaves.next()
    expect(asked()).toBe(2)
    await leaves.next()
    expect(asked()).toBe(3)
  })

  it('are ended by an abort even while shards run, and replaced at the next run', async () => {
    const { executor, threads } = pool(2)
    const { job, inputs } = threeShards()
    const runner = await executor.prepare(job, inputs)
    const stop = new AbortController()
    const running = (async () => {
      for await (const { shard } of runner.run(0, 3, stop.signal)) expect(shard).toBe(0)
    })()
    // Nobody answers: both shards "run".
    for (const thread of threads) thread.stuck = true
    setImmediate(() => stop.abort('stopped'))
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED', message: 'stopped' })
    expect(threads.map(({ terminated }) => terminated)).toEqual([true, true])
    const shards: number[] = []
    for await (const { shard } of runner.run(0, 2, never)) shards.push(shard)
    expect(shards).toEqual([0, 1])
    expect(threads).toHaveLength(4)
  })

  it('go on with another run when one is aborted', async () => {
    const { executor, threads } = pool(2)
    const { job, inputs } = threeShards()
    const stop = new AbortController()
    const aborted = (await executor.prepare(job, inputs))
      .run(0, 1, stop.signal)
      [Symbol.asyncIterator]()
      .next()
    const other = (await executor.prepare(job, inputs)).run(1, 1, never)[Symbol.asyncIterator]().next()
    stop.abort('paused')
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' })
    expect((await other).value).toMatchObject({ shard: 1 })
    expect(threads.map(({ terminated }) => terminated)).toEqual([true, false])
  })

  it('fail the run with its reason when one of them ends by itself', async () => {
    const { executor, threads } = pool(2)
    const { job, inputs } = threeShards()
    const runner = await executor.prepare(job, inputs)
    const next = runner.run(0, 2, never)[Symbol.asyncIterator]().next()
    const [first] = threads
    if (first === undefined) throw new Error('no thread was started')
    first.stuck = true
    setImmediate(() => first.die('out of memory'))
    await expect(next).rejects.toMatchObject({ code: 'EXECUTOR_FAILED', message: /out of memory/ })
  })

  it('answer a shard that they cannot compute with the error', async () => {
    const { executor } = pool(1)
    const { job } = quickJob()
    const runner = await executor.prepare(job, new Map())
    const next = runner.run(0, 1, never)[Symbol.asyncIterator]().next()
    await expect(next).rejects.toMatchObject({ code: 'INPUT_MISSING' })
  })

  it('hold large operands only as often as memory allows', async () => {
    const { executor, threads } = pool(3)
    const { job, inputs } = threeShards()
    const copies = Math.floor(AGENT_LIMITS.pool_operand_bytes / 2)
    // What counts is the length that it says: no test needs the bytes.
    const large = new Proxy(new Uint8Array(inputs.get('a') ?? []), {
      get: (bytes, name) => {
        if (name === 'length') return copies
        const value: unknown = Reflect.get(bytes, name, bytes)
        return typeof value === 'function' ? value.bind(bytes) : value
      },
    })
    const runner = await executor.prepare(job, new Map([...inputs, ['unused', large]]))
    const next = runner.run(0, 3, never)[Symbol.asyncIterator]().next()
    expect(threads).toHaveLength(1)
    await executor.close()
    await expect(next).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
