import type { AcceptedCopy, AcceptedShard, AcceptMethod } from '../../kernel/acceptance.ts'
import { bytesToHex, hexToBytes } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { EXECUTOR_KINDS } from '../../kernel/receipt.ts'

/**
 * The packed form of a group of accepted shards: the column `packed` of `result_groups`. Version 1:
 *
 * ```
 * bytes  4        "FPR1"
 * varint          number of owners;       each: varint length, UTF-8
 * varint          number of copies;       each: kind (0 referee | 1 agent + 32 bytes of key id), varint owner, executor
 * varint          number of provenances;  each: method, varint number of copies, varint copy ...
 * varint          number of shards;       each: varint step, varint provenance, 32 bytes digest, varint length, leaf
 * ```
 * `step` is zigzag(shard - shard before - 1), the first shard counting from -1, so that a run of shards has steps of 0.
 * `method` and `executor` are one byte, indices into METHODS and EXECUTOR_KINDS. A varint is unsigned LEB128 of at most 5
 * bytes in its shortest form. Shards of one lease share one provenance, so a shard costs its leaf and about 36 bytes.
 */
const MAGIC = 0x31525046 // "FPR1", little-endian
const METHODS = ['single', 'quorum', 'referee'] as const satisfies readonly AcceptMethod[]
const REFEREE = 'referee'

const DIGEST_BYTES = 32
const OWNER_LIMIT_BYTES = 800
const COPIES_PER_SHARD_LIMIT = 255
/** Shards of one packed group. */
export const GROUP_SHARD_LIMIT = 65_536

/** Packs shards in the given order. */
export function packShards(shards: readonly AcceptedShard[]): Buffer {
  invariant(shards.length >= 1 && shards.length <= GROUP_SHARD_LIMIT, `a group of ${shards.length} shards`)
  const owners = new Dictionary<string>()
  const copies = new Dictionary<AcceptedCopy>()
  const provenances = new Dictionary<{ readonly method: AcceptMethod; readonly copies: readonly number[] }>()
  const indices = shards.map((shard) => {
    const own = shard.copies.map((copy) => {
      owners.index(copy.owner, copy.owner)
      return copies.index(`${copy.executor} ${copy.agent} ${copy.owner}`, copy)
    })
    return provenances.index(`${shard.method} ${own.join(' ')}`, { method: shard.method, copies: own })
  })

  const out = new Writer(64 + shards.reduce((sum, shard) => sum + shard.leaf.length + 48, 0))
  out.u32(MAGIC)
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
  out.varint(copies.values.length)
  for (const copy of copies.values) {
    out.byte(copy.agent === REFEREE ? 0 : 1)
    if (copy.agent !== REFEREE) {
      invariant(/^[0-9a-f]{64}$/.test(copy.agent), 'an agent is named by the SHA-256 of its key')
      out.bytes(hexToBytes(copy.agent))
    }
    out.varint(owners.index(copy.owner, copy.owner))
    out.byte(EXECUTOR_KINDS.indexOf(copy.executor))
  }
  out.varint(provenances.values.length)
  for (const { method, copies: own } of provenances.values) {
    invariant(own.length >= 1 && own.length <= COPIES_PER_SHARD_LIMIT, `a shard with ${own.length} copies`)
    out.byte(METHODS.indexOf(method))
    out.varint(own.length)
    for (const copy of own) out.varint(copy)
  }
  out.varint(shards.length)
  let before = -1
  for (const [at, shard] of shards.entries()) {
    invariant(
      Number.isInteger(shard.shard) && shard.shard >= 0 && shard.shard < LIMITS.shards,
      `shard ${shard.shard}`,
    )
    invariant(shard.digest.length === DIGEST_BYTES, `a digest of ${shard.digest.length} bytes`)
    invariant(shard.leaf.length <= LIMITS.inline_leaf_bytes, `a leaf of ${shard.leaf.length} bytes`)
    out.varint(zigzag(shard.shard - before - 1))
    out.varint(indices[at] ?? 0)
    out.bytes(shard.digest)
    out.varint(shard.leaf.length)
    out.bytes(shard.leaf)
    before = shard.shard
  }
  return out.finish()
}

/**
 * Reads what `packShards` wrote. Digests and leaves are views of `packed`.
 * @throws ForgeError INTERNAL when a byte is not as the format says: the stored row is damaged
 */
export function unpackShards(packed: Uint8Array): readonly AcceptedShard[] {
  const from = new Reader(packed)
  if (from.u32() !== MAGIC) throw damaged('it does not begin with FPR1')
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
  let before = -1
  const shards = from.list('shards', (): AcceptedShard => {
    const shard = before + 1 + unzigzag(from.varint())
    if (shard < 0 || shard >= LIMITS.shards) throw damaged(`shard ${shard}`)
    before = shard
    const { method, copies: own } = entry(provenances, from.varint(), 'provenance')
    const digest = from.bytes(DIGEST_BYTES)
    const length = from.varint()
    if (length > LIMITS.inline_leaf_bytes) throw damaged(`a leaf of ${length} bytes`)
    return { shard, method, digest, leaf: from.bytes(length), copies: own }
  })
  if (shards.length === 0) throw damaged('it has no shards')
  from.end()
  return shards
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
