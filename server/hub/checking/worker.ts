import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../../../kernel/errors.ts'
import { Page } from './page.ts'
import { faultOfBytes } from './result-bytes.ts'

/** The thread that checks results: page after page, in turn, for as long as it lives. */

const port = parentPort
invariant(port !== null, 'results are checked in a worker thread')
// No schema: the library would be most of the thread's memory, and this comes from the thread that has made it.
const memory: unknown = workerData
invariant(Array.isArray(memory) && memory.every(isShared), 'the thread is given its pages')
const pages = memory.map((shared) => new Page(shared))
for (;;) {
  for (const [number, page] of pages.entries()) {
    page.awaitGiven()
    page.check(faultOfBytes)
    port.postMessage(number)
  }
}

function isShared(memory: unknown): memory is SharedArrayBuffer {
  return memory instanceof SharedArrayBuffer
}
