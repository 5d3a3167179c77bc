import type { Clock } from '../../agent-runtime/clock.ts'

/** Seconds in words, rounded so that the last digit means something. */
export function durationText(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/**
 * Says how far a replay is: an estimate after the first shard, then on a terminal one line that changes, elsewhere a line
 * for each tenth.
 */
export function replayProgress(
  total: number,
  threads: number,
  clock: Clock,
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
): { done(replayed: number, ms: number): void; end(): void } {
  const startedAt = clock.now()
  let shownAt = Number.NEGATIVE_INFINITY
  let isOpen = false
  return {
    done(replayed, ms) {
      if (replayed === 1)
        stream.write(
          `A shard takes ${durationText(ms)} here: about ${durationText((ms * total) / Math.min(threads, total))} for ${total} on ${threads} at a time.\n`,
        )
      const now = clock.now()
      const left = ((now - startedAt) / replayed) * (total - replayed)
      const line = `${replayed} of ${total} shards executed, about ${durationText(left)} left`
      if (stream.isTTY === true) {
        if (now - shownAt < 100 && replayed < total) return
        shownAt = now
        isOpen = true
        stream.write(`\r\u001b[K${line}`)
      } else if (Math.floor((10 * replayed) / total) > Math.floor((10 * (replayed - 1)) / total))
        stream.write(`${line}\n`)
    },
    end() {
      if (isOpen) stream.write('\n')
    },
  }
}
