import { type Clock, cancelled } from './clock.ts'

interface Sleeper {
  readonly at: number
  readonly ms: number
  readonly wake: () => void
}

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  #now = 1_000
  readonly #sleepers = new Set<Sleeper>()
  readonly #watchers: { readonly done: () => boolean; readonly resolve: () => void }[] = []

  now() {
    return this.#now
  }

  wallTime() {
    return 1_700_000_000_000 + this.#now
  }

  /** Milliseconds of the sleeps that are going on. */
  get sleeping(): number[] {
    return [...this.#sleepers].map(({ ms }) => ms)
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(cancelled(signal))
        return
      }
      const onAbort = () => {
        this.#sleepers.delete(sleeper)
        reject(cancelled(signal))
      }
      const wake = () => {
        this.#sleepers.delete(sleeper)
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const sleeper = { at: this.#now + ms, ms, wake }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', onAbort, { once: true })
      for (const watcher of [...this.#watchers]) if (watcher.done()) watcher.resolve()
    })
  }

  advance(ms: number): void {
    this.#now += ms
    for (const sleeper of [...this.#sleepers]) if (sleeper.at <= this.#now) sleeper.wake()
  }

  /** Resolves when someone sleeps for a time that `wanted` accepts. @returns that time */
  async untilSleeping(wanted: (ms: number) => boolean): Promise<number> {
    const found = () => this.sleeping.find(wanted)
    if (found() === undefined) {
      await new Promise<void>((resolve) =>
        this.#watchers.push({ done: () => found() !== undefined, resolve }),
      )
    }
    return found() as number
  }
}
