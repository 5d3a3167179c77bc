import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CheckingThread } from './checker.ts'
import { bundleCheckingWorker } from './checking-worker.test-support.ts'
import { PAGE_BYTES } from './page-memory.ts'
import type { BytesFault, ResultBytes } from './result-bytes.ts'
import { DAMAGES, rightResult } from './sample-results.test-support.ts'

let entry: URL
let folder: string
const checkers: CheckingThread[] = []
const over = new AbortController()

beforeAll(async () => {
  entry = await bundleCheckingWorker('checker')
  folder = mkdtempSync(path.join(tmpdir(), 'forge-checker-'))
})
afterEach(async () => {
  for (const checker of checkers.splice(0)) await checker.close()
})
afterAll(() => {
  over.abort()
  rmSync(folder, { recursive: true })
})

interface Started {
  readonly checker: CheckingThread
  /** Why threads were lost. */
  readonly lost: unknown[]
}

function start(from = entry): Started {
  const lost: unknown[] = []
  const checker = new CheckingThread(from, (why) => lost.push(why), { isBusy: true })
  checkers.push(checker)
  return { checker, lost }
}

/** A thread that does this before it goes its way. */
function threadThat(does: string): URL {
  const file = path.join(folder, `${crypto.randomUUID()}.mjs`)
  writeFileSync(
    file,
    `import { parentPort } from 'node:worker_threads'\n${does}\nawait import('${entry.href}')`,
  )
  return pathToFileURL(file)
}

type Sample = readonly [ResultBytes, BytesFault | undefined]

const LEAVES = Array.from({ length: 16 }, (_, at) => new Uint8Array(4096).fill(at))

/** Results of 64 KiB with what is wrong with each. */
function samples(count: number): readonly Sample[] {
  const damages = Object.values(DAMAGES)
  return Array.from({ length: count }, (_, at): Sample => {
    const right = rightResult(LEAVES, new Uint8Array(Buffer.from(`receipt ${at}`)))
    const damage = damages[(at >> 1) % damages.length]
    return at % 2 === 0 || damage === undefined ? [right, undefined] : damage(right, at % LEAVES.length, at)
  })
}

/** Four pages of them. */
const MANY = samples(Math.ceil((4 * PAGE_BYTES) / 65_536))

/** Asks for all of them at once, and looks whether all are answered rightly and in order. */
async function expectRight(checker: CheckingThread, some: readonly Sample[]): Promise<void> {
  const order: number[] = []
  const answers = some.map(async ([result], at) => {
    const fault = await checker.check(result)
    order.push(at)
    return fault
  })
  expect(await Promise.all(answers)).toEqual(some.map(([, fault]) => fault))
  expect(order).toEqual(some.map((_, at) => at))
}

describe('the checking thread', () => {
  it('says of each result what is wrong with it, one by one, and many at once in their order', async () => {
    const { checker, lost } = start()
    for (const sample of MANY.slice(0, 12)) await expectRight(checker, [sample])
    await expectRight(checker, MANY)
    expect(lost).toEqual([])
  })

  it('takes more while it works', async () => {
    const { checker, lost } = start()
    const batches: Promise<void>[] = []
    for (let from = 0; from < MANY.length; from += 9) {
      batches.push(expectRight(checker, MANY.slice(from, from + 9)))
      await nextTurn()
    }
    await Promise.all(batches)
    expect(lost).toEqual([])
  })

  it('answers for a result that no page has room for', async () => {
    const { checker, lost } = start()
    const vast = rightResult(Array.from({ length: 300 }, () => new Uint8Array(4096)))
    const bent = { ...vast, signature: new Uint8Array(64) }
    expect(
      await Promise.all([vast, ...MANY.map(([one]) => one), bent].map((one) => checker.check(one))),
    ).toEqual([undefined, ...MANY.map(([, fault]) => fault), { t: 'signature' }])
    expect(lost).toEqual([])
  })

  it.each([
    ['before it gives its second page back', `throw new Error('lost')`],
    ['after it has given its second page back', `post(message); throw new Error('lost')`],
    ['by ending in its second page', 'process.exit(1)'],
  ])('leaves nothing unsaid when it is lost, %s; three times, then without a thread', async (_, end) => {
    const { checker, lost } = start(
      threadThat(`
        const post = parentPort.postMessage.bind(parentPort)
        let pages = 0
        parentPort.postMessage = (message) => {
          if (++pages === 2) { ${end} }
          post(message)
        }`),
    )
    for (let threads = 1; threads <= 3; threads++) {
      await expectRight(checker, MANY)
      expect(lost).toHaveLength(threads)
    }
    for (const why of lost) expect(why).toSatisfy((one) => one === 1 || (one as Error).message === 'lost')
    await expectRight(checker, MANY)
    expect(lost).toHaveLength(3)
  })

  it('is not needed: results are checked all the same where its file does not load', async () => {
    const { checker, lost } = start(pathToFileURL(path.join(folder, 'missing.mjs')))
    for (let round = 0; round < 5; round++) await expectRight(checker, MANY.slice(0, 5))
    expect(lost).toHaveLength(3)
    expect(lost[0]).toMatchObject({ code: 'MODULE_NOT_FOUND' })
  })

  it('when it is closed, answers what it has and what waits for it, and what is asked afterwards', async () => {
    const { checker, lost } = start()
    // The thread has it while it starts.
    const first = expectRight(checker, MANY.slice(0, 1))
    const waiting = expectRight(checker, MANY)
    await nextTurn()
    const closing = checker.close()
    const late = expectRight(checker, MANY.slice(0, 7))
    let isAnswered = false
    const all = Promise.all([first, waiting, late]).then(() => {
      isAnswered = true
    })
    await closing
    await nextTurn()
    expect(isAnswered).toBe(true)
    await all
    await expectRight(checker, MANY.slice(0, 7))
    expect(lost).toEqual([])
  })

  it('keeps no process alive that has nothing else to do', async () => {
    const file = fileURLToPath(new URL('../../../dist/checking-process.test.mjs', import.meta.url))
    await build({
      stdin: {
        contents: `
          import { CheckingThread } from './checker.ts'
          import { signedResult } from './sample-results.test-support.ts'
          const checker = new CheckingThread(new URL(process.argv[2]), (why) => { throw why }, { isBusy: true })
          const busy = setInterval(() => {}, 1000)
          const right = signedResult([new Uint8Array(32)], [])
          const wrong = { ...right, signature: new Uint8Array(64) }
          console.log(JSON.stringify(await Promise.all([right, wrong].map((one) => checker.check(one)))))
          clearInterval(busy)`,
        resolveDir: fileURLToPath(new URL('.', import.meta.url)),
        loader: 'ts',
      },
      outfile: file,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      loader: { '.wgsl': 'text' },
    })
    // It ends by itself, or this test does not.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, entry.href], {
      signal: over.signal,
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([null, { t: 'signature' }])
  })
})
