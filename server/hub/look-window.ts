/** Which look of the schedule a shard counts at first: the index of the first look beyond it. */
export function lookWindow(looks: readonly number[] | undefined, shard: number): number {
  return looks === undefined ? 0 : looks.findIndex((end) => end > shard)
}
