import { describe, expect, it } from 'vitest'
import { misdigestedShard, shapeFault } from './result-shape.ts'

const expected = { first: 10, count: 2, leaf: { kind: 'inline', max_bytes: 4 } } as const
const digests = new Uint8Array(64)
const leaf = new Uint8Array(4)

describe('what a lease alone says of its result', () => {
  it.each<[string, Parameters<typeof shapeFault>[0], string | undefined]>([
    ['as leased', { digests, leaves: [leaf, leaf] }, undefined],
    ['a digest more', { digests: new Uint8Array(96), leaves: [leaf, leaf] }, '3 digests for 2 shards'],
    ['a digest less', { digests: new Uint8Array(32), leaves: [leaf, leaf] }, '1 digests for 2 shards'],
    ['a leaf more', { digests, leaves: [leaf, leaf, leaf] }, '3 leaves for 2 shards'],
    ['no leaves', { digests, leaves: [] }, '0 leaves for 2 shards'],
    [
      'a leaf too large',
      { digests, leaves: [leaf, new Uint8Array(5)] },
      'shard 11: a leaf of 5 bytes; at most 4',
    ],
  ])('%s', (_, result, fault) => {
    expect(shapeFault(result, expected)).toBe(fault)
  })

  it('leaves that are blobs do not come with it', () => {
    const blobs = { ...expected, leaf: { kind: 'blob', max_bytes: 4 } } as const
    expect(shapeFault({ digests, leaves: [] }, blobs)).toBeUndefined()
    expect(shapeFault({ digests, leaves: [leaf, leaf] }, blobs)).toBe('the leaves of this op are blobs')
  })

  it('names the first shard whose leaf is another', () => {
    const found = digests.slice()
    expect(misdigestedShard(10, digests, found)).toBeUndefined()
    found[63] = 1
    expect(misdigestedShard(10, digests, found)).toBe(11)
    found[31] = 1
    expect(misdigestedShard(10, digests, found)).toBe(10)
  })
})
