import { ForgeError } from './errors.ts'

/**
 * `all`, a number of shards to draw, or a list such as `3,8,10-19`.
 * @param shards that the result covers, from the first
 * @param draw a random whole number from 0 to its argument, without it
 * @returns in ascending order, each once
 * @throws ForgeError CONTRACT_INVALID
 */
export function chooseShards(text: string, shards: number, draw: (end: number) => number): readonly number[] {
  if (text === 'all' || (/^[1-9][0-9]{0,9}$/.test(text) && Number(text) >= shards))
    return Array.from({ length: shards }, (_, shard) => shard)
  if (/^[1-9][0-9]{0,9}$/.test(text)) return drawn(Number(text), shards, draw)
  if (text === '0') throw wrongUse('--shards: nothing would be executed; the first shard alone is 0-0')
  const chosen = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(0|[1-9][0-9]{0,9})(?:-(0|[1-9][0-9]{0,9}))?$/.exec(part)
    if (match === null) throw wrongUse('--shards: all, a number of shards, or a list such as 3,8,10-19')
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (first > last || last >= shards)
      throw wrongUse(`--shards: ${part} is not among the shards 0 to ${shards - 1} of the result`)
    for (let shard = first; shard <= last; shard++) chosen.add(shard)
  }
  return [...chosen].sort((a, b) => a - b)
}

/** Shards that nobody could foresee, by Floyd's algorithm: no more memory than the draw has. */
function drawn(count: number, shards: number, draw: (end: number) => number): readonly number[] {
  const chosen = new Set<number>()
  for (let end = shards - count; end < shards; end++) {
    const shard = draw(end + 1)
    chosen.add(chosen.has(shard) ? end : shard)
  }
  return [...chosen].sort((a, b) => a - b)
}

function wrongUse(message: string): ForgeError {
  return new ForgeError('CONTRACT_INVALID', message, { path: 'shards', hint: 'See --help.' })
}
