import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { invariant } from '../../../kernel/errors.ts'
import { Page } from './page.ts'
import { faultOfBytes } from './result-bytes.ts'

/** The thread that checks results: page after page, in turn, for as long as it lives. */

const port = parentPort
invariant(port !== null, 'results are checked in a worker thread')
const { memory } = z.object({ memory: z.array(z.instanceof(SharedArrayBuffer)).min(1) }).parse(workerData)
const pages = memory.map((shared) => new Page(shared))
for (;;) {
  for (const [number, page] of pages.entries()) {
    page.awaitGiven()
    page.check(faultOfBytes)
    port.postMessage(number)
  }
}
