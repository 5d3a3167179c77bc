/** How a Monte Carlo op cuts its samples: shards of 2^log2 samples, the last one partial. */
export type SampleCut = {
  readonly log2_shard_paths: number
  /** Samples of the last shard, 1 to 2^log2_shard_paths. */
  readonly last_paths: number
}

/** Nanoseconds of one core that a shard should take. */
const SHARD_NS = 80_000_000

/**
 * @param sampleNs what one sample costs the reference, in nanoseconds
 * @param most log2 of the largest shard
 * @param least log2 of the smallest
 * @returns the cut into shards of 2^least to 2^most samples that take about 40 to 80 ms, the number of shards and the work units
 */
export function cutSamples(samples: number, sampleNs: number, most = 19, least = 6) {
  let log2 = most
  while (log2 > least && sampleNs * 2 ** log2 > SHARD_NS) log2--
  const size = 2 ** log2
  const shard_count = Math.ceil(samples / size)
  const cut: SampleCut = { log2_shard_paths: log2, last_paths: samples - (shard_count - 1) * size }
  return { cut, shard_count, work_units: Math.max(Math.ceil((samples * sampleNs) / 1000), 1) }
}

export function shardSamples(
  plan: { readonly shard_count: number; readonly constants: SampleCut },
  shard: number,
): number {
  return shard === plan.shard_count - 1 ? plan.constants.last_paths : 2 ** plan.constants.log2_shard_paths
}
