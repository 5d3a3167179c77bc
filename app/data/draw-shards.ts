/**
 * Distinct shards of a plan, drawn by the browser's own randomness so that no server can foresee them; every set is as
 * likely as any other (Floyd's algorithm). In ascending order.
 */
export function drawShards(shardCount: number, wanted: number): number[] {
  const drawn = new Set<number>()
  for (let limit = Math.max(0, shardCount - wanted); limit < shardCount; limit++) {
    const candidate = below(limit + 1)
    drawn.add(drawn.has(candidate) ? limit : candidate)
  }
  return [...drawn].sort((a, b) => a - b)
}

const U32 = 2 ** 32

/** Uniform in 0 to `bound - 1`: what would favour small numbers is drawn again. */
function below(bound: number): number {
  const fair = U32 - (U32 % bound)
  const word = new Uint32Array(1)
  do crypto.getRandomValues(word)
  while ((word[0] ?? 0) >= fair)
  return (word[0] ?? 0) % bound
}
