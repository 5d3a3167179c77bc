import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { SHARD_POINTS } from '../../../kernel/ops/mc-pi/args.ts'
import { referenceLeaf } from '../../../kernel/ops/references.test-support.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { bundleWorker } from '../testing/bundle-worker.ts'
import { WorkerReferee } from './referee.ts'

const referees: WorkerReferee[] = []

const bundled = (): Promise<URL> => bundleWorker(new URL('./worker.ts', import.meta.url), 'referee-worker')

async function startReferee(cpuShare = 1): Promise<WorkerReferee> {
  const referee = new WorkerReferee(await bundled(), cpuShare)
  referees.push(referee)
  return referee
}

afterAll(async () => {
  for (const referee of referees) await referee.close()
})

const pi = (seed: string, points = 1000) =>
  OPS.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points },
    seed: { mode: 'explicit', value: seed },
    verify: { mode: 'none' },
  })

describe("the referee's thread", () => {
  it('computes the leaf that the reference computes, for more jobs than it keeps ready', async () => {
    const referee = await startReferee()
    const jobs = Array.from({ length: 20 }, (_, index) => pi(`job ${index}`))
    for (const job of [...jobs, ...jobs]) {
      expect(await referee.execute(job, [0], new Map())).toEqual([referenceLeaf(job, 0, new Map())])
    }
  })

  it('rests in proportion to its share of the processor, and answers everything all the same', async () => {
    const [whole, fifth] = [await startReferee(), await startReferee(0.2)]
    const shards = Array.from({ length: 12 }, (_, shard) => shard)
    const job = pi('budget', shards.length * SHARD_POINTS)
    const timed = async (referee: WorkerReferee) => {
      const started = performance.now()
      expect(await referee.execute(job, shards, new Map())).toHaveLength(shards.length)
      return performance.now() - started
    }
    // The first shard of each compiles the kernel.
    for (const referee of [whole, fifth]) await referee.execute(job, [0], new Map())
    // In turns, as what else the machine does comes and goes: it makes either longer, and cannot make the rests shorter.
    let [work_ms, rested_ms] = [Number.POSITIVE_INFINITY, 0]
    for (let round = 0; round < 3; round++) {
      work_ms = Math.min(work_ms, await timed(whole))
      rested_ms = Math.max(rested_ms, await timed(fifth))
    }
    // Five times as long.
    expect(rested_ms).toBeGreaterThan(3 * work_ms)
  })

  it('says so when an execution fails, and goes on', async () => {
    const referee = await startReferee()
    const product = OPS.prepare({
      contract: 1,
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: {
        a: { digest: '0'.repeat(64), dtype: 'int8', shape: [2, 2] },
        b: { digest: '0'.repeat(64), dtype: 'int8', shape: [2, 2] },
      },
      seed: { mode: 'derived' },
      verify: { mode: 'none' },
    })
    await expect(referee.execute(product, [0], new Map())).rejects.toMatchObject({ code: 'EXECUTOR_FAILED' })
    const job = pi('after')
    expect(await referee.execute(job, [0], new Map())).toEqual([referenceLeaf(job, 0, new Map())])
  })

  it('starts a new thread for a shard whose thread was lost, a few times', async () => {
    await startReferee()
    const folder = mkdtempSync(path.join(tmpdir(), 'forge-referee-'))
    const dying = async (times: number) => {
      const mark = JSON.stringify(path.join(folder, `deaths-${times}`))
      const file = path.join(folder, `dies-${times}.mjs`)
      writeFileSync(
        file,
        `import { appendFileSync, existsSync, statSync } from 'node:fs'
         if (!existsSync(${mark}) || statSync(${mark}).size < ${times}) { appendFileSync(${mark}, 'x'); process.exit(1) }
         await import(${JSON.stringify((await bundled()).href)})`,
      )
      const referee = new WorkerReferee(pathToFileURL(file), 1)
      referees.push(referee)
      return referee
    }
    const job = pi('lost')
    expect(await (await dying(2)).execute(job, [0], new Map())).toEqual([referenceLeaf(job, 0, new Map())])
    await expect((await dying(3)).execute(job, [0], new Map())).rejects.toMatchObject({
      code: 'EXECUTOR_FAILED',
    })
    rmSync(folder, { recursive: true })
  })

  it('refuses what waits when it is closed', async () => {
    const referee = await startReferee()
    const answer = referee.execute(pi('long', 4_000_000), [0], new Map())
    const refused = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await referee.close()
    await refused
  })
})
