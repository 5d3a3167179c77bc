import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { Portions } from '../../portions.ts'
import { type Load, LoopLoad } from './loop-load.ts'
import { Page, type Said } from './page.ts'
import { pageMemory } from './page-memory.ts'
import { type BytesFault, faultOfBytes, type ResultBytes } from './result-bytes.ts'

/** Checks the bytes of results. */
export interface ResultChecker {
  /** @returns what is wrong; undefined when nothing is */
  check(result: ResultBytes): BytesFault | undefined | Promise<BytesFault | undefined>
  /** Answers what waits. */
  close(): Promise<void>
}

interface Waiting {
  readonly result: ResultBytes
  readonly answer: (fault: BytesFault | undefined) => void
  readonly fail: (error: unknown) => void
}

/** The thread works on one while the other is filled. */
const PAGES = 2
/** Of the thread's heap: what it makes is a few views a result. Without a limit this grows to 48 MB. */
const YOUNG_MB = 2
/** Threads that may end by themselves; then results are checked by the thread that asks. */
const THREADS = 3
const pageNumber = z
  .int()
  .min(0)
  .max(PAGES - 1)

/**
 * Checks results in a thread of its own while the asking one is busy, so that their hashes and signatures delay nobody's answer.
 * Results that come while it works share the next page: the more there are, the less the way there and back costs each.
 * Who has time to spare checks by itself, for to wake a thread that sleeps, and to be woken, costs as much as a check.
 * Whatever a lost thread has left unchecked is checked here.
 */
export class CheckingThread implements ResultChecker {
  readonly #entry: URL
  readonly #lost: (error: unknown) => void
  readonly #load: Load
  #waiting: Waiting[] = []
  /** By pages of the thread, what is in each; undefined: it is empty. */
  #given: (readonly Waiting[] | undefined)[] = []
  #pages: readonly Page[] = []
  /** The page that the thread will look at next after those that it has. */
  #next = 0
  #worker: Worker | undefined
  #threads = 0
  #isClosed = false
  /** Answers on their way, in the order in which they were asked for. */
  readonly #answers: { readonly waiting: Waiting; readonly said: Said }[] = []
  #answering: Promise<void> | undefined

  /**
   * @param lost hears why a thread has ended by itself
   * @param load of the thread that asks
   */
  constructor(entry: URL, lost: (error: unknown) => void, load: Load = new LoopLoad()) {
    this.#entry = entry
    this.#lost = lost
    this.#load = load
  }

  check(result: ResultBytes): BytesFault | undefined | Promise<BytesFault | undefined> {
    // In the order in which they were asked for: not before those that are with the thread.
    if (!this.#load.isBusy && !this.#isAsked()) return faultOfBytes(result)
    return new Promise((answer, fail) => {
      this.#waiting.push({ result, answer, fail })
      this.#give()
    })
  }

  /** Whether somebody waits for an answer. */
  #isAsked(): boolean {
    return (
      this.#waiting.length > 0 || this.#answers.length > 0 || this.#given.some((given) => given !== undefined)
    )
  }

  /** Ends the thread. Whatever it has left unchecked is answered when this returns; what is asked later is checked here. */
  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    this.#checkHere()
    await this.#answering
  }

  /** Gives the thread what waits: one page at a time, and another one when that is full. */
  #give(): void {
    if (this.#waiting.length === 0 || !this.#isRunning()) return
    for (let isFull = this.#given.every((given) => given === undefined); isFull; ) {
      const page = this.#pages[this.#next]
      if (page === undefined || this.#given[this.#next] !== undefined || this.#waiting.length === 0) return
      let count = 0
      while (count < this.#waiting.length && page.write((this.#waiting[count] as Waiting).result)) count++
      if (count === 0) {
        // No frame brings one that is larger than a page.
        this.#say(this.#waiting.splice(0, 1), [])
        continue
      }
      this.#given[this.#next] = this.#waiting.splice(0, count)
      this.#next = (this.#next + 1) % PAGES
      isFull = this.#waiting.length > 0
      page.send()
    }
  }

  /** @returns false when there will be no thread any more */
  #isRunning(): boolean {
    if (this.#worker !== undefined) return true
    if (this.#isClosed || this.#threads === THREADS) {
      this.#checkHere()
      return false
    }
    this.#threads++
    this.#pages = Array.from({ length: PAGES }, () => new Page(pageMemory()))
    this.#given = this.#pages.map(() => undefined)
    this.#next = 0
    const worker = new Worker(this.#entry, {
      workerData: this.#pages.map(({ memory }) => memory),
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    worker.on('message', (message: unknown) => {
      // Of a lost thread this may come after its end: the pages are another one's then.
      if (this.#worker === worker) this.#checked(pageNumber.parse(message))
    })
    const ended = (cause: unknown): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#checkHere()
      this.#lost(cause)
    }
    worker.on('error', ended)
    worker.on('exit', ended)
    // After its listeners: that of messages would hold the process again.
    worker.unref()
    this.#worker = worker
    return true
  }

  #checked(number: number): void {
    const given = this.#given[number] ?? []
    const said = this.#pages[number]?.takeFaults() ?? []
    this.#given[number] = undefined
    this.#give()
    this.#say(given, said)
  }

  /** What no thread says any more. */
  #checkHere(): void {
    // From the page on that has been given first.
    const given = [...this.#given.slice(this.#next), ...this.#given.slice(0, this.#next)]
    const left = [...given.flatMap((one) => one ?? []), ...this.#waiting]
    this.#given = []
    this.#waiting = []
    this.#say(left, [])
  }

  #say(asked: readonly Waiting[], said: readonly Said[]): void {
    for (const [at, waiting] of asked.entries())
      this.#answers.push({ waiting, said: said[at] ?? 'unchecked' })
    if (this.#answers.length > 0) this.#answering ??= this.#answer()
  }

  /** What follows an answer is most of a lease's way: in portions, as everything that holds the hub's thread. */
  async #answer(): Promise<void> {
    const portions = new Portions()
    for (let next = this.#answers.shift(); next !== undefined; next = this.#answers.shift()) {
      const { waiting, said } = next
      try {
        waiting.answer(
          said === 'unchecked' ? faultOfBytes(waiting.result) : said === 'right' ? undefined : said,
        )
      } catch (error) {
        waiting.fail(error)
      }
      await undefined
      if (portions.isOver) await portions.rest()
    }
    this.#answering = undefined
  }
}
