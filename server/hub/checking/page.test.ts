import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ForgeError } from '../../../kernel/errors.ts'
import { type Leaves, PackedLeaves } from '../../../kernel/leaves.ts'
import { LIMITS } from '../../../kernel/limits.ts'
import { PROTOCOL_VERSION } from '../../../kernel/protocol.ts'
import { readResult } from '../../../kernel/protocol-result.ts'
import { decodeInPlace, wireEncoder } from '../../../kernel/wire-encoder.ts'
import { Page } from './page.ts'
import { pageMemory } from './page-memory.ts'
import { type BytesFault, faultOfBytes, type ResultBytes } from './result-bytes.ts'
import { anyLeaves, anyResult, rightResult } from './sample-results.test-support.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** What it says, in words of its own: the memory is written to again. */
function plain({ digests, leaves, result_root, receipt, signature, public_key }: ResultBytes) {
  return {
    ...{ digests: hex(digests), leaves: [...leaves].map(hex), count: leaves.length },
    ...{ root: hex(result_root), receipt: hex(receipt), signature: hex(signature), key: hex(public_key) },
  }
}

const anyFault = fc.oneof(
  fc.constantFrom<BytesFault | undefined>(undefined, { t: 'root' }, { t: 'signature' }),
  fc.nat(LIMITS.lease_shards - 1).map((place): BytesFault => ({ t: 'leaf', place })),
)

/** Reads a page as the thread does. @returns what is in it */
function readBack(page: Page, faults: readonly (BytesFault | undefined)[] = []) {
  const seen: ReturnType<typeof plain>[] = []
  new Page(page.memory).check((result) => {
    seen.push(plain(result))
    return faults[seen.length - 1]
  })
  return seen
}

describe('a page', () => {
  it('brings any results to the other side as they are, and back what is said of each, again and again', () => {
    const round = fc.array(fc.tuple(anyResult, anyFault), { maxLength: 8 })
    fc.assert(
      fc.property(fc.array(round, { minLength: 1, maxLength: 3 }), (rounds) => {
        const page = new Page(pageMemory())
        for (const results of rounds) {
          for (const [result] of results) expect(page.write(result)).toBe(true)
          const faults = results.map(([, fault]) => fault)
          expect(readBack(page, faults)).toEqual(results.map(([result]) => plain(result)))
          expect(page.takeFaults()).toEqual(faults.map((fault) => fault ?? 'right'))
          expect(page.takeFaults()).toEqual([])
        }
      }),
    )
  })

  it('gives what libsodium reads in memory that is not shared', () => {
    const page = new Page(pageMemory())
    page.write(rightResult([new Uint8Array(9)]))
    new Page(page.memory).check(({ result_root, receipt, signature, public_key }) => {
      for (const bytes of [result_root, receipt, signature, public_key])
        expect(bytes.buffer).toBeInstanceOf(ArrayBuffer)
      return undefined
    })
    expect(page.takeFaults()).toEqual(['right'])
  })

  it('says of nothing that it is right which nobody has looked at', () => {
    const page = new Page(pageMemory())
    const result = rightResult([new Uint8Array(9)])
    for (let round = 0; round < 2; round++) {
      page.write(result)
      page.write(result)
      expect(page.takeFaults()).toEqual(['unchecked', 'unchecked'])
      // Nor where another result at the same place was right.
      page.write(result)
      readBack(page)
      expect(page.takeFaults()).toEqual(['right'])
    }
    page.write(result)
    page.write(result)
    let left = 1
    const dies = () => {
      if (left-- === 0) throw new Error('the thread is lost')
      return undefined
    }
    expect(() => new Page(page.memory).check(dies)).toThrow('the thread is lost')
    expect(page.takeFaults()).toEqual(['right', 'unchecked'])
  })

  it('refuses what it has no room for and keeps what it has; emptied, it takes as much again', () => {
    fc.assert(
      fc.property(anyLeaves, (leaves) => {
        const page = new Page(new SharedArrayBuffer(32 * 1024))
        const result = rightResult(leaves)
        const fill = () => {
          let count = 0
          while (page.write(result)) count++
          expect(page.write(result)).toBe(false)
          return count
        }
        const count = fill()
        expect(count).toBeGreaterThan(0)
        expect(readBack(page)).toEqual(new Array(count).fill(plain(result)))
        expect(page.takeFaults()).toEqual(new Array(count).fill('right'))
        expect(fill()).toBe(count)
      }),
    )
  })
})

/** Larger than any that a hub makes: an id and the name of the software, 64 letters each, are all that varies in it. */
const RECEIPT = new Uint8Array(4096)

/** The result whose leaves these are, as a frame brings it; undefined where no frame has room for it. */
function framed(leaves: readonly Uint8Array[]): Leaves | undefined {
  const { digests, result_root, signature } = rightResult(leaves)
  const rest = { v: PROTOCOL_VERSION, session: 's', lease_id: 'l', epoch: 1, executor: 'wasm', elapsed_ms: 1 }
  try {
    const frame = wireEncoder.encode({ ...rest, digests, result_root, leaves, signature })
    const result = readResult(decodeInPlace(frame))
    if (result === undefined) throw new Error('it is no result')
    return result.leaves
  } catch (error) {
    if (error instanceof ForgeError && error.code === 'TOO_LARGE') return undefined
    throw error
  }
}

/** Of results that grow by `size`, the last one that a frame brings. */
function largest(sizes: number, leavesOf: (size: number) => readonly Uint8Array[]): Leaves {
  let fits: Leaves | undefined
  let [low, high] = [0, sizes]
  while (low < high) {
    const size = (low + high + 1) >> 1
    const leaves = framed(leavesOf(size))
    if (leaves === undefined) high = size - 1
    else {
      low = size
      fits = leaves
    }
  }
  if (fits === undefined || low === sizes) throw new Error(`the frame does not limit it: ${low}`)
  return fits
}

const many = (count: number, sizeOf: (at: number) => number) =>
  Array.from({ length: count }, (_, at) => new Uint8Array(sizeOf(at)).fill(at))

it.each<[string, boolean, () => Leaves]>([
  [
    'as many leaves as a lease may have, all of one size',
    true,
    () => largest(4096, (size) => many(LIMITS.lease_shards, () => size)),
  ],
  [
    'as many leaves as a lease may have, of mixed sizes',
    false,
    () => largest(4096, (size) => many(LIMITS.lease_shards, (at) => size + (at & 1))),
  ],
  [
    'as many leaves as a lease may have, of which two take all the room that is left',
    false,
    () =>
      largest(LIMITS.inline_leaf_bytes, (size) => many(LIMITS.lease_shards, (at) => (at < 2 ? size : 206))),
  ],
  [
    'the largest leaves, as many as there is room for',
    true,
    () => largest(LIMITS.lease_shards, (count) => many(count, () => LIMITS.inline_leaf_bytes)),
  ],
  [
    'the largest leaves and empty ones',
    false,
    () => largest(LIMITS.lease_shards, (count) => many(count, (at) => (at & 1) * LIMITS.inline_leaf_bytes)),
  ],
])('the largest result that a frame brings fits into an empty page: %s', (_, isPacked, make) => {
  const leaves = make()
  expect(leaves instanceof PackedLeaves).toBe(isPacked)
  const page = new Page(pageMemory())
  expect(page.write(rightResult(leaves, RECEIPT))).toBe(true)
  new Page(page.memory).check(faultOfBytes)
  expect(page.takeFaults()).toEqual(['right'])
})
