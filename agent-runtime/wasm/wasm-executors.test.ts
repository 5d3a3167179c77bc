import { describe, expect, it } from 'vitest'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { Executor } from '../executor.ts'
import { goldenJobs } from '../golden.ts'
import { WasmExecutor } from './executor.ts'
import { serveThread } from './thread-body.ts'
import type { ComputeThread, ThreadReply, ThreadRequest } from './thread-messages.ts'
import { ThreadedWasmExecutor } from './threaded-executor.ts'

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

describe('the computing thread', () => {
  it('is ended by an abort even while a shard runs, and replaced at the next run', async () => {
    const threads: InlineThread[] = []
    const executor = new ThreadedWasmExecutor(() => {
      const thread = new InlineThread()
      threads.push(thread)
      return thread
    })
    const { job, inputs } = threeShards()
    const runner = await executor.prepare(job, inputs)
    const stop = new AbortController()
    const running = (async () => {
      for await (const { shard } of runner.run(0, 3, stop.signal)) {
        const [first] = threads
        if (first !== undefined) first.stuck = true
        expect(shard).toBe(0)
        // The next shard is asked for and never answered: it "runs".
        setImmediate(() => setImmediate(() => stop.abort('stopped')))
      }
    })()
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(threads[0]?.terminated).toBe(true)
    expect(threads[0]?.requests.map(({ t }) => t)).toEqual(['prepare', 'shard', 'shard'])
    const shards: number[] = []
    for await (const { shard } of runner.run(0, 2, new AbortController().signal)) shards.push(shard)
    expect(shards).toEqual([0, 1])
    expect(threads).toHaveLength(2)
  })

  it('that ends by itself fails the run with its reason', async () => {
    const thread = new InlineThread()
    thread.stuck = true
    const executor = new ThreadedWasmExecutor(() => thread)
    const { job, inputs } = quickJob()
    const runner = await executor.prepare(job, inputs)
    const next = runner.run(0, 1, new AbortController().signal)[Symbol.asyncIterator]().next()
    setImmediate(() => thread.die('out of memory'))
    await expect(next).rejects.toMatchObject({ code: 'EXECUTOR_FAILED', message: /out of memory/ })
  })

  it('answers a shard that it cannot compute with the error', async () => {
    const executor = new ThreadedWasmExecutor(() => new InlineThread())
    const { job } = quickJob()
    const runner = await executor.prepare(job, new Map())
    const next = runner.run(0, 1, new AbortController().signal)[Symbol.asyncIterator]().next()
    await expect(next).rejects.toBeInstanceOf(Error)
  })
})
