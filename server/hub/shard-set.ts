/** A set of shards, one bit each; nothing is kept before the first is added. */
export class ShardSet {
  readonly #shard_count: number
  #bits: Uint8Array | undefined

  constructor(shard_count: number) {
    this.#shard_count = shard_count
  }

  add(shard: number): void {
    this.#bits ??= new Uint8Array((this.#shard_count + 7) >> 3)
    this.#bits[shard >> 3] = (this.#bits[shard >> 3] ?? 0) | (1 << (shard & 7))
  }

  has(shard: number): boolean {
    return (((this.#bits?.[shard >> 3] ?? 0) >> (shard & 7)) & 1) === 1
  }
}
