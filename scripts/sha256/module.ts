import binaryen from 'binaryen'
import {
  type Code,
  compression,
  compressionTypes,
  HEAP,
  K_AT,
  lanes,
  type Module,
  ONE_AT,
  STATE_AT,
  single,
  W_AT,
} from './compression.ts'
import { INITIAL_HASH, ROUND_CONSTANTS } from './constants.ts'

/**
 * Builds the WASM module that hashes many short messages: SHA-256 (FIPS 180-4) of four messages side by side, one in each
 * lane of a vector, and the leaves and nodes of RFC 6962 trees on top of it. It imports `env.memory` and nothing else, and
 * exports
 *   heap                     the first byte that is the host's; the byte before it may be read
 *   four(at, blocks, count, out)  count padded messages of `blocks` blocks each, one after the other; digests to `out`
 *   nodes(at, out, count)    SHA-256(0x01 || left || right) of count pairs of hashes; `out` may be `at`
 *   root(at, count, hashed)  Merkle tree hash of count >= 1 digests, in place: 32 bytes at `at`. They are leaves' data, and
 *                            hashed with 0x00 before, unless `hashed`
 *   one(at, blocks)          takes the blocks of one message into the eight words at `state`
 *   state                    where these words stand
 * The last group of `four` and `nodes` fills its lanes with its last message: room for three more digests is needed
 * behind `out`.
 */
export function buildSha256Module(): Uint8Array {
  const plain = emit()
  // The builder's loads carry a flag that the optimiser may misread (binaryen 132); bytes that are read back do not.
  const read = binaryen.readBinary(plain)
  try {
    read.setFeatures(binaryen.Features.SIMD128)
    binaryen.setOptimizeLevel(3)
    binaryen.setShrinkLevel(0)
    read.optimize()
    return read.emitBinary()
  } finally {
    read.dispose()
  }
}

const { i32, v128, none } = binaryen
const SPLAT_STATE = INITIAL_HASH.map((word) => laneBytes([word, word, word, word]))
/** Bytes of each word in the other order. */
const SWAP = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]

function laneBytes(words: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(words).buffer)
}

function emit(): Uint8Array {
  const m = new binaryen.Module()
  try {
    m.setFeatures(binaryen.Features.SIMD128)
    const constants = { offset: m.i32.const(K_AT), data: laneBytes(ROUND_CONSTANTS), passive: false }
    m.setMemory(1, 65536, null, [constants], false, false, '0')
    m.addMemoryImport('0', 'env', 'memory')
    for (const [name, value] of Object.entries({ heap: HEAP, state: ONE_AT })) {
      m.addGlobal(name, i32, false, m.i32.const(value))
      m.addGlobalExport(name, name)
    }
    addCompression(m)
    addOne(m)
    addStore(m)
    addFour(m)
    addTree(m, 'leaves', 32, leafBlocks(m))
    addTree(m, 'nodes', 64, nodeBlocks(m))
    addRoot(m)
    for (const name of ['four', 'nodes', 'root', 'one']) m.addFunctionExport(name, name)
    if (m.validate() !== 1) throw new Error('the emitted module is not valid WASM')
    return m.emitBinary()
  } finally {
    m.dispose()
  }
}

/** `compress()`: the four blocks in W into the state of four. */
function addCompression(m: Module): void {
  m.addFunction('compress', none, none, compressionTypes(v128), m.block(null, compression(m, lanes(m), 0)))
}

/** `one(at, blocks)`. */
function addOne(m: Module): void {
  const at = () => m.local.get(0, i32)
  const left = () => m.local.get(1, i32)
  const body = m.block('done', [
    m.loop(
      'next',
      m.block(null, [
        m.br_if('done', m.i32.eqz(left())),
        ...compression(m, single(m, at), 2),
        m.local.set(0, m.i32.add(at(), m.i32.const(64))),
        m.local.set(1, m.i32.sub(left(), m.i32.const(1))),
        m.br('next'),
      ]),
    ),
  ])
  m.addFunction('one', binaryen.createType([i32, i32]), none, compressionTypes(i32), body)
}

const LOW = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]
const HIGH = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31]
const FIRST_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
const SECOND_HALVES = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]

/**
 * Statements that turn four vectors of four words into the transposed four.
 * @param first of eight vector locals that it may use @returns the statements, and what reads each of the four
 */
function transpose(
  m: Module,
  first: number,
  rows: readonly Code[],
): { readonly code: Code[]; readonly columns: readonly Code[] } {
  const get = (at: number) => m.local.get(first + at, v128)
  const code = rows.map((row, at) => m.local.set(first + at, row))
  for (const [at, mask] of [LOW, HIGH].entries())
    for (const pair of [0, 1])
      code.push(
        m.local.set(first + 4 + 2 * at + pair, m.i8x16.shuffle(get(2 * pair), get(2 * pair + 1), mask)),
      )
  const columns = [0, 1, 2, 3].map((column) =>
    m.i8x16.shuffle(
      get(4 + 2 * (column >> 1)),
      get(5 + 2 * (column >> 1)),
      column % 2 === 0 ? FIRST_HALVES : SECOND_HALVES,
    ),
  )
  return { code, columns }
}

const swapped = (m: Module, local: number, value: Code): Code =>
  m.i8x16.shuffle(m.local.tee(local, value, v128), m.local.get(local, v128), SWAP)

const storeWord = (m: Module, t: number, value: Code): Code =>
  m.v128.store(W_AT + 16 * t, 16, m.i32.const(0), value)

const splat = (m: Module, word: number): Code => m.v128.const(laneBytes([word, word, word, word]))

/**
 * Words 4 group … 4 group + 3 of four messages into W.
 * @param first of nine vector locals @param rows bytes 16 group … 16 group + 15 of each message's block
 */
function storeWords(m: Module, first: number, group: number, rows: readonly Code[]): Code[] {
  const { code, columns } = transpose(
    m,
    first,
    rows.map((row) => swapped(m, first + 8, row)),
  )
  return [...code, ...columns.map((column, at) => storeWord(m, 4 * group + at, column))]
}

const beginFour = (m: Module): Code[] =>
  SPLAT_STATE.map((words, at) => m.v128.store(STATE_AT + 16 * at, 16, m.i32.const(0), m.v128.const(words)))

/** `store(out)`: the state of four as four digests. */
function addStore(m: Module): void {
  const code: Code[] = []
  for (const half of [0, 1]) {
    const rows = [0, 1, 2, 3].map((at) => m.v128.load(STATE_AT + 64 * half + 16 * at, 16, m.i32.const(0)))
    const { code: turned, columns } = transpose(m, 1, rows)
    code.push(
      ...turned,
      ...columns.map((column, lane) =>
        m.v128.store(32 * lane + 16 * half, 1, m.local.get(0, i32), swapped(m, 9, column)),
      ),
    )
  }
  const types = Array.from({ length: 9 }, () => v128)
  m.addFunction('store', i32, none, types, m.block(null, code))
}

const call = (m: Module, name: string, ...operands: Code[]): Code => m.call(name, operands, none)

/** Where message `index + lane` begins, or the last one's beginning where there is none. */
function messageAt(
  m: Module,
  at: Code,
  index: () => Code,
  lane: number,
  count: () => Code,
  size: Code,
): Code {
  const wanted = () => m.i32.add(index(), m.i32.const(lane))
  const last = () => m.i32.sub(count(), m.i32.const(1))
  return m.i32.add(at, m.i32.mul(m.select(m.i32.lt_u(wanted(), last()), wanted(), last()), size))
}

/** Runs `body` for each index 0, 4, 8, … below count. */
function everyFour(m: Module, index: number, count: () => Code, body: readonly Code[]): Code {
  const at = () => m.local.get(index, i32)
  return m.block('end', [
    m.local.set(index, m.i32.const(0)),
    m.loop(
      'group',
      m.block(null, [
        m.br_if('end', m.i32.ge_u(at(), count())),
        ...body,
        m.local.set(index, m.i32.add(at(), m.i32.const(4))),
        m.br('group'),
      ]),
    ),
  ])
}

/** `four(at, blocks, count, out)`. Locals: index, block, a pointer for each lane, vectors. */
function addFour(m: Module): void {
  const [at, blocks, count, out, index, left] = [0, 1, 2, 3, 4, 5].map(
    (local) => () => m.local.get(local, i32),
  ) as [() => Code, () => Code, () => Code, () => Code, () => Code, () => Code]
  const [LEFT, POINTERS, VECTORS] = [5, 6, 10]
  const pointer = (lane: number) => m.local.get(POINTERS + lane, i32)
  const each = <T>(make: (lane: number) => T): T[] => [0, 1, 2, 3].map(make)
  const size = () => m.i32.mul(blocks(), m.i32.const(64))
  const block = [
    ...each((group) =>
      storeWords(
        m,
        VECTORS,
        group,
        each((lane) => m.v128.load(16 * group, 1, pointer(lane))),
      ),
    ).flat(),
    call(m, 'compress'),
    ...each((lane) => m.local.set(POINTERS + lane, m.i32.add(pointer(lane), m.i32.const(64)))),
    m.local.set(LEFT, m.i32.sub(left(), m.i32.const(1))),
    m.br_if('block', left()),
  ]
  const group = [
    ...each((lane) => m.local.set(POINTERS + lane, messageAt(m, at(), index, lane, count, size()))),
    ...beginFour(m),
    m.local.set(LEFT, blocks()),
    m.loop('block', m.block(null, block)),
    call(m, 'store', m.i32.add(out(), m.i32.mul(index(), m.i32.const(32)))),
  ]
  const types = [...Array.from({ length: 6 }, () => i32), ...Array.from({ length: 9 }, () => v128)]
  m.addFunction('four', binaryen.createType([i32, i32, i32, i32]), none, types, everyFour(m, 4, count, group))
}

/** What one group of tree hashes does between the initial state and its end, from pointers one before each message. */
type TreeBlocks = (pointer: (lane: number) => Code, vectors: number) => Code[]

/** The first vector of a block: the byte before the message is replaced by the prefix. */
function prefixed(m: Module, prefix: number, pointer: Code): Code {
  const keep = m.v128.const(Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? 0 : 255)))
  const put = m.v128.const(Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? prefix : 0)))
  return m.v128.or(m.v128.and(m.v128.load(0, 1, pointer), keep), put)
}

/** Word t holds the last byte of each message and the bit that ends it; the next words are zero up to the length. */
function ending(m: Module, t: number, bytes: number, pointer: (lane: number) => Code): Code[] {
  const last = (lane: number) => m.i32.load8_u(bytes - 1, 1, pointer(lane))
  let word = m.i32x4.splat(last(0))
  // The declarations of the library take a lane's number for an expression.
  for (const lane of [1, 2, 3]) word = m.i32x4.replace_lane(word, lane, last(lane))
  return [
    storeWord(m, t, m.v128.or(m.i32x4.shl(word, m.i32.const(24)), splat(m, 0x800000))),
    ...Array.from({ length: 14 - t }, (_, at) => storeWord(m, t + 1 + at, splat(m, 0))),
    storeWord(m, 15, splat(m, 8 * bytes)),
    call(m, 'compress'),
  ]
}

function leafBlocks(m: Module): TreeBlocks {
  return (pointer, vectors) => [
    ...storeWords(
      m,
      vectors,
      0,
      fourOf((lane) => prefixed(m, 0, pointer(lane))),
    ),
    ...storeWords(
      m,
      vectors,
      1,
      fourOf((lane) => m.v128.load(16, 1, pointer(lane))),
    ),
    ...ending(m, 8, 33, pointer),
  ]
}

function nodeBlocks(m: Module): TreeBlocks {
  return (pointer, vectors) => [
    ...storeWords(
      m,
      vectors,
      0,
      fourOf((lane) => prefixed(m, 1, pointer(lane))),
    ),
    ...[1, 2, 3].flatMap((group) =>
      storeWords(
        m,
        vectors,
        group,
        fourOf((lane) => m.v128.load(16 * group, 1, pointer(lane))),
      ),
    ),
    call(m, 'compress'),
    ...ending(m, 0, 65, pointer),
  ]
}

const fourOf = (make: (lane: number) => Code): Code[] => [0, 1, 2, 3].map(make)

/** `name(at, out, count)` for messages of `size` bytes after a prefix. */
function addTree(m: Module, name: string, size: number, blocks: TreeBlocks): void {
  const [at, out, count, index] = [0, 1, 2, 3].map((local) => () => m.local.get(local, i32)) as [
    () => Code,
    () => Code,
    () => Code,
    () => Code,
  ]
  const [INDEX, POINTERS, VECTORS] = [3, 4, 8]
  const before = () => m.i32.sub(at(), m.i32.const(1))
  const group = [
    ...fourOf((lane) =>
      m.local.set(POINTERS + lane, messageAt(m, before(), index, lane, count, m.i32.const(size))),
    ),
    ...beginFour(m),
    ...blocks((lane) => m.local.get(POINTERS + lane, i32), VECTORS),
    call(m, 'store', m.i32.add(out(), m.i32.mul(index(), m.i32.const(32)))),
  ]
  const types = [...Array.from({ length: 5 }, () => i32), ...Array.from({ length: 9 }, () => v128)]
  m.addFunction(name, binaryen.createType([i32, i32, i32]), none, types, everyFour(m, INDEX, count, group))
}

/** `root(at, count, hashed)`. A node without a sibling goes up as it is, which gives the tree of RFC 6962. */
function addRoot(m: Module): void {
  const at = () => m.local.get(0, i32)
  const count = () => m.local.get(1, i32)
  const pairs = () => m.local.get(3, i32)
  const odd = () => m.i32.and(count(), m.i32.const(1))
  const lone = () => m.i32.add(at(), m.i32.mul(pairs(), m.i32.const(64)))
  const place = () => m.i32.add(at(), m.i32.mul(pairs(), m.i32.const(32)))
  const halves = [0, 1]
  const body = m.block('done', [
    m.if(m.i32.eqz(m.local.get(2, i32)), call(m, 'leaves', at(), at(), count())),
    m.loop(
      'level',
      m.block(null, [
        m.br_if('done', m.i32.lt_u(count(), m.i32.const(2))),
        m.local.set(3, m.i32.shr_u(count(), m.i32.const(1))),
        // The last group's spare lanes write over it.
        m.if(
          odd(),
          m.block(
            null,
            halves.map((half) => m.local.set(4 + half, m.v128.load(16 * half, 1, lone()))),
          ),
        ),
        call(m, 'nodes', at(), at(), pairs()),
        m.if(
          odd(),
          m.block(
            null,
            halves.map((half) => m.v128.store(16 * half, 1, place(), m.local.get(4 + half, v128))),
          ),
        ),
        m.local.set(1, m.i32.add(pairs(), odd())),
        m.br('level'),
      ]),
    ),
  ])
  m.addFunction('root', binaryen.createType([i32, i32, i32]), none, [i32, v128, v128], body)
}
