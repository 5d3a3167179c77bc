import { ForgeError } from '../kernel/errors.ts'

/** Time as the agent sees it; tests give their own. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** Wall time for the owner's eyes: milliseconds since 1970. */
  wallTime(): number
  /** @throws ForgeError CANCELLED when `signal` aborts first */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(cancelled(signal))
        return
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      const onAbort = () => {
        clearTimeout(timer)
        reject(cancelled(signal))
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })
  },
}

/** Uniform in [0, 1), for jitter only: nothing that is computed may depend on it. */
export type Random = () => number

/** The error of work that was stopped on purpose; its message is the abort's reason. */
export function cancelled(signal: AbortSignal): ForgeError {
  const reason: unknown = signal.reason
  if (reason instanceof ForgeError) return reason
  return new ForgeError('CANCELLED', typeof reason === 'string' ? reason : 'stopped')
}

/** @throws ForgeError CANCELLED when the signal has aborted */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal)
}

/** Rejects with `error` unless `work` settles within `ms`. The work itself is not stopped. */
export async function within<T>(
  clock: Clock,
  ms: number,
  error: () => ForgeError,
  work: Promise<T>,
): Promise<T> {
  const timer = new AbortController()
  const late = clock.sleep(ms, timer.signal).then(
    () => Promise.reject(error()),
    () => new Promise<never>(() => {}),
  )
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}
