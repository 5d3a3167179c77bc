import { fromBase64 } from '../base64.ts'
import { SHA256_MODULE } from '../generated/sha256-module.ts'
import { copyLeaf, type Leaves, leafSize, PackedLeaves } from '../leaves.ts'
import type { Hashing } from './hashing.ts'

/** Hashing by the WASM module that scripts/sha256/module.ts builds, which says what its functions do. */

interface Sha256Exports {
  readonly heap: WebAssembly.Global
  readonly state: WebAssembly.Global
  readonly four: (at: number, blocks: number, count: number, out: number) => void
  readonly root: (at: number, count: number, hashed: number) => void
  readonly one: (at: number, blocks: number) => void
}

const BLOCK = 64
/** Input at a time: hashes of a subtree, or padded messages. It stays in the second cache. */
const ROOM_BYTES = 256 * 1024
const ROOM_HASHES = ROOM_BYTES / 32
/** Messages at a time: as many digests as the smallest messages have blocks, and the spare lanes of the last group. */
const ROOM_MESSAGES = ROOM_BYTES / BLOCK
const OUT_BYTES = 32 * (ROOM_MESSAGES + 3)
/** The module's own part, a byte before the input, input, spare lanes, output. */
const PAGES = Math.ceil((2048 + ROOM_BYTES + OUT_BYTES) / 65_536)

const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]

/**
 * @param module bytes of the module
 * @returns undefined where it cannot be compiled: the engine lacks SIMD128, or the page may not compile
 */
export function vectorHashing(module?: Uint8Array<ArrayBuffer>): Hashing | undefined {
  if (typeof WebAssembly === 'undefined') return undefined
  try {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
    const compiled = new WebAssembly.Module(module ?? fromBase64(SHA256_MODULE))
    return new VectorHashing(memory, new WebAssembly.Instance(compiled, { env: { memory } }))
  } catch {
    return undefined
  }
}

/** Blocks of a message with its padding. */
const blocksOf = (length: number): number => Math.floor((length + 8) / BLOCK) + 1

class VectorHashing implements Hashing {
  readonly #exports: Sha256Exports
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #stateAt: number
  readonly #inAt: number
  readonly #outAt: number

  constructor(memory: WebAssembly.Memory, { exports }: WebAssembly.Instance) {
    this.#exports = exports as unknown as Sha256Exports
    this.#bytes = new Uint8Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.#stateAt = Number(this.#exports.state.value)
    this.#inAt = BLOCK * Math.ceil((Number(this.#exports.heap.value) + 1) / BLOCK)
    this.#outAt = this.#inAt + ROOM_BYTES + 3 * 32
  }

  digest(message: Uint8Array): Uint8Array {
    for (let word = 0; word < 8; word++)
      this.#view.setUint32(this.#stateAt + 4 * word, INITIAL[word] as number, true)
    const { length } = message
    const whole = length - (length % BLOCK)
    for (let from = 0; from < whole; from += ROOM_BYTES) {
      const end = Math.min(whole, from + ROOM_BYTES)
      this.#bytes.set(message.subarray(from, end), this.#inAt)
      this.#exports.one(this.#inAt, (end - from) / BLOCK)
    }
    const blocks = blocksOf(length % BLOCK)
    this.#pad(this.#inAt, length % BLOCK, blocks, length)
    this.#bytes.set(whole === 0 ? message : message.subarray(whole), this.#inAt)
    this.#exports.one(this.#inAt, blocks)
    const digest = new Uint8Array(32)
    for (let word = 0; word < 8; word++) {
      const value = this.#view.getUint32(this.#stateAt + 4 * word, true)
      digest[4 * word] = value >>> 24
      digest[4 * word + 1] = value >>> 16
      digest[4 * word + 2] = value >>> 8
      digest[4 * word + 3] = value
    }
    return digest
  }

  each(messages: Leaves): Uint8Array {
    if (messages instanceof PackedLeaves) return this.#alike(messages)
    const digests = new Uint8Array(32 * messages.length)
    const bySize = new Map<number, number[]>()
    for (let at = 0; at < messages.length; at++) {
      const blocks = blocksOf(leafSize(messages, at))
      const alike = bySize.get(blocks)
      if (alike === undefined) bySize.set(blocks, [at])
      else alike.push(at)
    }
    for (const [blocks, places] of bySize) {
      const batch = Math.floor(ROOM_BYTES / (BLOCK * blocks))
      for (let first = 0; first < places.length; first += Math.max(batch, 1)) {
        // What leaves lanes empty is hashed by itself.
        if (batch < 4 || places.length - first === 1) {
          for (const place of places.slice(first, first + Math.max(batch, 1)))
            digests.set(this.digest(messages.at(place) as Uint8Array), 32 * place)
          continue
        }
        const group = places.slice(first, first + batch)
        for (const [slot, place] of group.entries()) {
          const at = this.#inAt + BLOCK * blocks * slot
          const size = leafSize(messages, place)
          this.#pad(at, size, blocks, size)
          copyLeaf(messages, place, this.#bytes, at)
        }
        this.#exports.four(this.#inAt, blocks, group.length, this.#outAt)
        for (const [slot, place] of group.entries())
          digests.set(this.#bytes.subarray(this.#outAt + 32 * slot, this.#outAt + 32 * slot + 32), 32 * place)
      }
    }
    return digests
  }

  many(packed: Uint8Array, length: number): Uint8Array {
    return this.#alike(new PackedLeaves(packed, 0, length, length, packed.length / length))
  }

  #alike(messages: PackedLeaves): Uint8Array {
    const { length: count, size } = messages
    const blocks = blocksOf(size)
    const batch = Math.floor(ROOM_BYTES / (BLOCK * blocks))
    const digests = new Uint8Array(32 * count)
    if (batch < 4 || count === 1) {
      for (let at = 0; at < count; at++) digests.set(this.digest(messages.at(at) as Uint8Array), 32 * at)
      return digests
    }
    const place = (slot: number): number => this.#inAt + BLOCK * blocks * slot
    // The padding is the same in every batch: what is written over it is never longer.
    for (let slot = 0; slot < Math.min(batch, count); slot++) this.#pad(place(slot), size, blocks, size)
    for (let first = 0; first < count; first += batch) {
      const here = Math.min(batch, count - first)
      for (let slot = 0; slot < here; slot++) messages.copy(first + slot, this.#bytes, place(slot))
      this.#exports.four(this.#inAt, blocks, here, this.#outAt)
      digests.set(this.#bytes.subarray(this.#outAt, this.#outAt + 32 * here), 32 * first)
    }
    return digests
  }

  root(packed: Uint8Array, hashed: boolean): Uint8Array {
    const count = packed.length / 32
    const parts = Math.ceil(count / ROOM_HASHES)
    const roots = new Uint8Array(32 * parts)
    for (let part = 0; part < parts; part++) {
      const first = part * ROOM_HASHES
      const here = Math.min(ROOM_HASHES, count - first)
      this.#bytes.set(packed.subarray(32 * first, 32 * (first + here)), this.#inAt)
      this.#exports.root(this.#inAt, here, hashed ? 1 : 0)
      roots.set(this.#bytes.subarray(this.#inAt, this.#inAt + 32), 32 * part)
    }
    return parts > 1 ? this.root(roots, true) : roots
  }

  /**
   * Padding of FIPS 180-4, section 5.1.1, for a message whose last `tail` bytes begin at `at`.
   * @param length of the whole message in bytes, whose bits a double counts exactly
   */
  #pad(at: number, tail: number, blocks: number, length: number): void {
    const end = at + BLOCK * blocks
    this.#bytes.fill(0, at + tail, end)
    this.#bytes[at + tail] = 0x80
    this.#view.setUint32(end - 8, Math.floor(length / 2 ** 29))
    this.#view.setUint32(end - 4, (length * 8) >>> 0)
  }
}
