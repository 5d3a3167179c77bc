import type { AcceptedCopy, AcceptedRun, AcceptMethod } from '../../kernel/acceptance.ts'
import { bytesToHex, hexToBytes } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { copyLeaf, type Leaves, leafSize, leavesSize, PackedLeaves } from '../../kernel/leaves.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { EXECUTOR_KINDS } from '../../kernel/receipt.ts'

/**
 * The packed form of a group of accepted shards: the column `packed` of `result_groups`. Version 2:
 *
 * ```
 * bytes  4        "FPR2"
 * varint          number of owners;       each: varint length, UTF-8
 * varint          number of copies;       each: kind (0 referee | 1 agent + 32 bytes of key id), varint owner, executor
 * varint          number of provenances;  each: method, varint number of copies, varint copy ...
 * varint          number of runs;         each: varint step, varint count, varint provenance, form,
 *                   32 bytes digest ..., leaf lengths by form, leaf ...
 * ```
 * `step` is zigzag(first shard - end of the run before), the first run counting from 0. `form`: 0 no leaves (they are
 * blobs), 1 all leaves of one length (one varint), 2 a varint for each. `method` and `executor` are one byte, indices
 * into METHODS and EXECUTOR_KINDS. A varint is unsigned LEB128 of at most 5 bytes in its shortest form. A run of one
 * lease costs its leaves, 32 bytes a shard, and a few bytes.
 *
 * Version 1 ("FPR1") has in place of the runs: varint number of shards; each: varint zigzag(shard - shard before - 1),
 * varint provenance, 32 bytes digest, varint length, leaf. It is read, not written.
 */
const MAGIC_V1 = 0x31525046 // "FPR1", little-endian
const MAGIC = 0x32525046 // "FPR2"
const METHODS = ['single', 'quorum', 'referee', 'algebraic'] as const satisfies readonly AcceptMethod[]
const REFEREE = 'referee'

const DIGEST_BYTES = 32
const OWNER_LIMIT_BYTES = 800
const COPIES_PER_SHARD_LIMIT = 255
/** Shards of one packed group. */
export const GROUP_SHARD_LIMIT = 65_536

interface Provenance {
  readonly method: AcceptMethod
  readonly copies: readonly number[]
}

/** Packs runs in the given order. */
export function packRuns(runs: readonly AcceptedRun[]): Buffer {
  const steps = packing(runs)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same run by run: whoever packs thousands of shards may do something else in between. */
export function* packing(runs: readonly AcceptedRun[]): Generator<undefined, Buffer> {
  const total = runs.reduce((sum, { count }) => sum + count, 0)
  invariant(total >= 1 && total <= GROUP_SHARD_LIMIT, `a group of ${total} shards`)
  const owners = new Dictionary<string>()
  const copies = new Dictionary<AcceptedCopy>()
  const provenances = new Dictionary<Provenance>()
  const indices = runs.map((run) => {
    const own = run.copies.map((copy) => {
      owners.index(copy.owner, copy.owner)
      return copies.index(`${copy.executor} ${copy.agent} ${copy.owner}`, copy)
    })
    return provenances.index(`${run.method} ${own.join(' ')}`, { method: run.method, copies: own })
  })
  const out = new Writer(256 + runs.reduce((sum, run) => sum + runBytes(run) + 16, 0))
  out.u32(MAGIC)
  packCopies(out, owners, copies.values)
  packProvenances(out, provenances.values)
  out.varint(runs.length)
  let end = 0
  for (const [at, run] of runs.entries()) {
    out.varint(zigzag(run.first - end))
    packRun(out, run, indices[at] ?? 0)
    end = run.first + run.count
    yield
  }
  return out.finish()
}

/** Bytes of a run's digests and leaves. */
export function runBytes({ count, leaves }: AcceptedRun): number {
  return DIGEST_BYTES * count + leavesSize(leaves)
}

function packCopies(out: Writer, owners: Dictionary<string>, copies: readonly AcceptedCopy[]): void {
  out.varint(owners.values.length)
  for (const owner of owners.values) {
    const text = Buffer.from(owner, 'utf8')
    invariant(
      text.length <= OWNER_LIMIT_BYTES && text.toString('utf8') === owner,
      'an owner is short, well-formed text',
    )
    out.varint(text.length)
    out.bytes(text)
  }
  out.varint(copies.length)
  for (const copy of copies) {
    out.byte(copy.agent === REFEREE ? 0 : 1)
    if (copy.agent !== REFEREE) {
      invariant(/^[0-9a-f]{64}$/.test(copy.agent), 'an agent is named by the SHA-256 of its key')
      out.bytes(hexToBytes(copy.agent))
    }
    out.varint(owners.index(copy.owner, copy.owner))
    out.byte(EXECUTOR_KINDS.indexOf(copy.executor))
  }
}

function packProvenances(out: Writer, provenances: readonly Provenance[]): void {
  out.varint(provenances.length)
  for (const { method, copies } of provenances) {
    invariant(
      copies.length >= 1 && copies.length <= COPIES_PER_SHARD_LIMIT,
      `a shard with ${copies.length} copies`,
    )
    out.byte(METHODS.indexOf(method))
    out.varint(copies.length)
    for (const copy of copies) out.varint(copy)
  }
}

function packRun(out: Writer, run: AcceptedRun, provenance: number): void {
  const { first, count, digests, leaves } = run
  invariant(
    Number.isInteger(first) && first >= 0 && count >= 1 && first + count <= LIMITS.shards,
    `shards ${first} to ${first + count - 1}`,
  )
  invariant(digests.length === DIGEST_BYTES * count, `digests of ${digests.length} bytes for ${count} shards`)
  invariant(leaves.length === 0 || leaves.length === count, `${leaves.length} leaves of ${count} shards`)
  const size = leafSize(leaves, 0)
  const form = leaves.length === 0 ? 0 : areAlike(leaves, size) ? 1 : 2
  out.varint(count)
  out.varint(provenance)
  out.byte(form)
  out.bytes(digests)
  if (form === 1) out.varint(size)
  for (let at = 0; at < leaves.length; at++) {
    const bytes = leafSize(leaves, at)
    invariant(bytes <= LIMITS.inline_leaf_bytes, `a leaf of ${bytes} bytes`)
    if (form === 2) out.varint(bytes)
  }
  out.leaves(leaves)
}

function areAlike(leaves: Leaves, size: number): boolean {
  for (let at = 1; at < leaves.length; at++) if (leafSize(leaves, at) !== size) return false
  return true
}

/**
 * Reads what `packRuns` wrote, or its earlier version. Digests and leaves are views of `packed`.
 * @throws ForgeError INTERNAL when a byte is not as the format says: the stored row is damaged
 */
export function unpackRuns(packed: Uint8Array): readonly AcceptedRun[] {
  const from = new Reader(packed)
  const magic = from.u32()
  if (magic !== MAGIC && magic !== MAGIC_V1) throw damaged('it does not begin with FPR1 or FPR2')
  const owners = from.list('owners', () => from.text(from.varint()))
  const copies = from.list('copies', (): AcceptedCopy => {
    const kind = from.byte()
    if (kind > 1) throw damaged(`kind of agent ${kind}`)
    const agent = kind === 0 ? REFEREE : bytesToHex(from.bytes(DIGEST_BYTES))
    return {
      agent,
      owner: entry(owners, from.varint(), 'owner'),
      executor: entry(EXECUTOR_KINDS, from.byte(), 'executor'),
    }
  })
  const provenances = from.list('provenances', () => {
    const method = entry(METHODS, from.byte(), 'method')
    const count = from.varint()
    if (count < 1 || count > COPIES_PER_SHARD_LIMIT) throw damaged(`${count} copies of a shard`)
    return { method, copies: Array.from({ length: count }, () => entry(copies, from.varint(), 'copy')) }
  })
  let end = 0
  let total = 0
  const runs = from.list('runs', (): AcceptedRun => {
    const first = end + unzigzag(from.varint())
    const count = magic === MAGIC ? from.varint() : 1
    total += count
    if (count < 1 || total > GROUP_SHARD_LIMIT) throw damaged(`${total} shards`)
    if (first < 0 || first + count > LIMITS.shards) throw damaged(`shards ${first} to ${first + count - 1}`)
    end = first + count
    const provenance = entry(provenances, from.varint(), 'provenance')
    const form = magic === MAGIC ? from.byte() : 2
    if (form > 2) throw damaged(`form of leaves ${form}`)
    const digests = from.bytes(DIGEST_BYTES * count)
    return { first, count, ...provenance, digests, leaves: unpackLeaves(from, form, count) }
  })
  if (runs.length === 0) throw damaged('it has no shards')
  from.end()
  return runs
}

function unpackLeaves(from: Reader, form: number, count: number): Leaves {
  if (form === 0) return []
  const leafLength = (): number => {
    const length = from.varint()
    if (length > LIMITS.inline_leaf_bytes) throw damaged(`a leaf of ${length} bytes`)
    return length
  }
  if (form === 1) {
    const size = leafLength()
    return new PackedLeaves(from.bytes(size * count), 0, size, size, count)
  }
  const lengths = Array.from({ length: count }, leafLength)
  if (count > 1 && lengths.every((length) => length === lengths[0]))
    throw damaged('leaves of one length are not in their shortest form')
  return lengths.map((length) => from.bytes(length))
}

function damaged(what: string): ForgeError {
  return new ForgeError('INTERNAL', `a stored group of results is damaged: ${what}`, {
    hint: 'Restore the database from a backup.',
  })
}

function entry<T>(list: readonly T[], index: number, what: string): T {
  const found = list[index]
  if (found === undefined) throw damaged(`${what} ${index} of ${list.length}`)
  return found
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Distinct values in order of first appearance. */
class Dictionary<T> {
  readonly values: T[] = []
  readonly #indices = new Map<string, number>()

  index(key: string, value: T): number {
    const known = this.#indices.get(key)
    if (known !== undefined) return known
    this.#indices.set(key, this.values.length)
    return this.values.push(value) - 1
  }
}

class Writer {
  #buffer: Buffer
  #at = 0

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(expectedBytes)
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  byte(value: number): void {
    this.#room(1)
    this.#buffer[this.#at++] = value
  }

  u32(value: number): void {
    this.#room(4)
    this.#at = this.#buffer.writeUInt32LE(value, this.#at)
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.byte(rest)
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  leaves(leaves: Leaves): void {
    this.#room(leavesSize(leaves))
    for (let place = 0; place < leaves.length; place++) {
      copyLeaf(leaves, place, this.#buffer, this.#at)
      this.#at += leafSize(leaves, place)
    }
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw damaged('it ends too early')
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw damaged('it ends too early')
    return value
  }

  u32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes(4)
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
  }

  varint(): number {
    let value = 0
    for (let place = 1, length = 1; ; place *= 0x80, length++) {
      const byte = this.byte()
      value += (byte & 0x7f) * place
      if (byte < 0x80) {
        if (byte === 0 && length > 1) throw damaged('a number is not in its shortest form')
        return value
      }
      if (length === 5) throw damaged('a number has more than 5 bytes')
    }
  }

  text(length: number): string {
    if (length > OWNER_LIMIT_BYTES) throw damaged(`a text of ${length} bytes`)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(length))
    } catch (cause) {
      throw cause instanceof ForgeError ? cause : damaged('a text is not UTF-8')
    }
  }

  /** A counted list; every entry takes at least one byte, so the count is bounded by what is left. */
  list<T>(what: string, read: () => T): T[] {
    const count = this.varint()
    if (count > this.#bytes.length - this.#at) throw damaged(`${count} ${what}`)
    return Array.from({ length: count }, read)
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged(`${this.#bytes.length - this.#at} bytes too many`)
  }
}
