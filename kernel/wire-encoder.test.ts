import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesEqual } from './digest.ts'
import { ForgeError } from './errors.ts'
import { PackedLeaves } from './leaves.ts'
import { LIMITS } from './limits.ts'
import { decodeInPlace, WIRE_LIMITS, wireEncoder } from './wire-encoder.ts'

const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return error instanceof ForgeError ? error.code : `not a ForgeError: ${String(error)}`
  }
  return 'no error'
}

describe('the wire encoding', () => {
  it('gives values and bytes back', () => {
    const message = {
      id: 7,
      method: 'mutation',
      params: {
        path: 'hub.result',
        input: { digests: new Uint8Array([1, 2, 255]), elapsed_ms: 12.5, leaves: [new Uint8Array(0)] },
      },
    }
    expect(wireEncoder.decode(wireEncoder.encode(message))).toEqual(message)
  })

  it('leaves undefined fields out, as the RPC envelope expects', () => {
    expect(wireEncoder.decode(wireEncoder.encode({ id: 1, jsonrpc: undefined }))).toEqual({ id: 1 })
  })

  it('hands out plain copies when the socket gives a pooled Buffer', () => {
    const frame = Buffer.from(wireEncoder.encode({ leaf: new Uint8Array([9, 9]) }))
    const { leaf } = wireEncoder.decode(frame) as { leaf: Uint8Array }
    frame.fill(0)
    expect(leaf.constructor).toBe(Uint8Array)
    expect([...leaf]).toEqual([9, 9])
  })

  it('hands out views of a frame that it may keep, never Buffers', () => {
    const frame = Buffer.from(wireEncoder.encode({ leaf: new Uint8Array([9, 9]) }))
    const { leaf } = decodeInPlace(frame) as { leaf: Uint8Array }
    expect(leaf.constructor).toBe(Uint8Array)
    expect(leaf.buffer).toBe(frame.buffer)
    expect([...leaf]).toEqual([9, 9])
  })

  it('packs byte strings of one size where they lie, in a frame that it may keep only', () => {
    const sizes = fc.oneof(fc.constantFrom(0, 1, 255, 256, 65_535, 65_536), fc.nat(300))
    // As many as fit into a frame.
    const counts = fc.integer({ min: 1, max: Math.floor(WIRE_LIMITS.frame_bytes / 66_000) })
    fc.assert(
      fc.property(sizes, counts, fc.integer(), (size, count, after) => {
        const leaves = Array.from({ length: count }, (_, at) => new Uint8Array(size).fill(at))
        const frame = wireEncoder.encode({ leaves, after })
        const read = decodeInPlace(frame) as { leaves: PackedLeaves; after: number }
        expect(read.leaves).toBeInstanceOf(PackedLeaves)
        // Byte by byte, expect() would take seconds for a frame of the largest.
        const isSame = (given: Iterable<Uint8Array>) =>
          [...given].length === count &&
          [...given].every((leaf, at) => bytesEqual(leaf, leaves[at] ?? new Uint8Array(0)))
        expect(isSame(read.leaves)).toBe(true)
        expect(read.after).toBe(after)
        expect(read.leaves.at(0)?.buffer).toBe(frame.buffer)
        const copied = wireEncoder.decode(frame) as { leaves: Uint8Array[]; after: number }
        expect(Array.isArray(copied.leaves) && isSame(copied.leaves)).toBe(true)
        expect(copied.after).toBe(after)
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    ['sizes differ', [new Uint8Array(2), new Uint8Array(3)]],
    ['one is longer than the rest of the frame', [new Uint8Array(60), new Uint8Array(0), new Uint8Array(0)]],
    ['one is no bytes', [new Uint8Array(2), 'ab']],
    ['a text lies where bytes of the first would', [new Uint8Array(1), 'a', new Uint8Array(1)]],
    ['there are none', []],
  ])('reads an array item by item where %s', (_, leaves) => {
    expect(decodeInPlace(wireEncoder.encode({ leaves, after: 1 }))).toEqual({ leaves, after: 1 })
  })

  it('reads every number and text that it writes', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.maxSafeInteger(),
      // -0 is written as 0.
      fc.double().filter((number) => !Object.is(number, -0)),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'binary', maxLength: 100 }),
    )
    // Lengths at which the encoding, or the way of reading it, changes.
    const most = WIRE_LIMITS.string_bytes
    const lengths = fc.oneof(fc.constantFrom(0, 31, 32, 64, 65, 255, 256, 65_535, most), fc.nat(most))
    const texts = fc.tuple(fc.constantFrom('a', 'ä', '\ufeff'), lengths)
    fc.assert(
      fc.property(fc.array(value, { maxLength: 12 }), texts, (values, [letter, bytes]) => {
        const message = [...values, letter.repeat(bytes / Buffer.byteLength(letter))]
        expect(wireEncoder.decode(wireEncoder.encode(message))).toEqual(message)
      }),
    )
  })

  it('reads any keys, whether it knows them or not', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof(
            fc.constantFrom('id', 'digests', 'result_root', 'contract_hash'),
            fc.string({ unit: 'binary' }),
          ),
          fc.integer(),
          { noNullPrototype: true },
        ),
        (message) => {
          fc.pre(!Object.keys(message).includes('__proto__') && Object.keys(message).length < 60)
          expect(wireEncoder.decode(wireEncoder.encode(message))).toEqual(message)
        },
      ),
    )
  })

  it('carries the largest result message that the protocol allows', () => {
    const leaf_bytes = Math.floor(LIMITS.lease_inline_bytes / LIMITS.lease_shards)
    const message = {
      digests: new Uint8Array(32 * LIMITS.lease_shards),
      leaves: Array.from({ length: LIMITS.lease_shards }, () => new Uint8Array(leaf_bytes)),
    }
    expect(wireEncoder.decode(wireEncoder.encode(message))).toEqual(message)
  })

  it.each<[string, Uint8Array | string]>([
    ['a text frame', '{"id":1}'],
    ['an empty frame', new Uint8Array(0)],
    ['an array that announces 4 billion elements', new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['a map that announces 4 billion entries', new Uint8Array([0xdf, 0xff, 0xff, 0xff, 0xff])],
    ['nesting without end', new Uint8Array(100_000).fill(0x91)],
    ['a timestamp', new Uint8Array([0xd6, 0xff, 0, 0, 0, 0])],
    ['bytes after the value', new Uint8Array([0xc0, 0xc0])],
    ['a cut string', new Uint8Array([0xa5, 0x61])],
    ['too many values', new Uint8Array([0xdd, 0, 1, 0, 0, ...new Array<number>(65_536).fill(0xc0)])],
    ['the key __proto__', new Uint8Array([0x81, 0xa9, ...Buffer.from('__proto__'), 0xc0])],
    ['a map as a key', new Uint8Array([0x81, 0x80, 0xc0])],
  ])('refuses %s', (_, frame) => {
    expect(codeOf(() => wireEncoder.decode(frame))).toBe('MESSAGE_INVALID')
  })

  it('refuses a frame over the limit, both ways', () => {
    expect(codeOf(() => wireEncoder.decode(new Uint8Array(WIRE_LIMITS.frame_bytes + 1)))).toBe('TOO_LARGE')
    expect(codeOf(() => wireEncoder.encode(new Uint8Array(WIRE_LIMITS.frame_bytes)))).toBe('TOO_LARGE')
  })

  it('answers any bytes with a value or a ForgeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (frame) => {
        expect(codeOf(() => wireEncoder.decode(frame))).toMatch(/^(no error|MESSAGE_INVALID)$/)
      }),
      { numRuns: 3000 },
    )
  })
})
