import { type Leaves, leafSize, PackedLeaves } from './leaves.ts'
import { LIMITS } from './limits.ts'
import { PROTOCOL_VERSION, type ResultInput, resultInput } from './protocol.ts'
import { EXECUTOR_KINDS } from './receipt.ts'

/**
 * Reads a result as `resultInput` does, without a schema's walk: results are what a hub reads all day, and a schema takes
 * longer over the leaves of one than their hashes.
 */

const KEYS: ReadonlySet<string> = new Set(Object.keys(resultInput.shape))
const ID = /^[A-Za-z0-9_-]{1,64}$/
const ELAPSED_MAX_MS = 86_400_000

/** A result as a hub holds it: its leaves lie where they came. */
export interface ReceivedResult extends Omit<ResultInput, 'leaves'> {
  readonly leaves: Leaves
}

/** @returns undefined for what `resultInput` refuses (ask it why, by `spreadLeaves`), and for no other */
export function readResult(value: unknown): ReceivedResult | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return undefined
  let count = 0
  for (const key in value) {
    if (!KEYS.has(key)) return undefined
    count++
  }
  if (count !== KEYS.size) return undefined
  const { v, session, lease_id, epoch, executor, digests, result_root, leaves, elapsed_ms, signature } =
    value as Record<keyof ResultInput, unknown>
  const fits =
    v === PROTOCOL_VERSION &&
    isId(session) &&
    isId(lease_id) &&
    Number.isSafeInteger(epoch) &&
    (epoch as number) >= 0 &&
    EXECUTOR_KINDS.some((kind) => kind === executor) &&
    digests instanceof Uint8Array &&
    digests.length >= 32 &&
    digests.length % 32 === 0 &&
    digests.length <= 32 * LIMITS.lease_shards &&
    isBytes(result_root, 32) &&
    areLeaves(leaves) &&
    typeof elapsed_ms === 'number' &&
    elapsed_ms >= 0 &&
    elapsed_ms <= ELAPSED_MAX_MS &&
    isBytes(signature, 64)
  return fits ? (value as ReceivedResult) : undefined
}

/** The same with an array for packed leaves, as the schema knows them. */
export function spreadLeaves(value: unknown): unknown {
  const isPacked =
    typeof value === 'object' && value !== null && 'leaves' in value && value.leaves instanceof PackedLeaves
  return isPacked ? { ...value, leaves: [...(value.leaves as PackedLeaves)] } : value
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && ID.test(value)
}

function isBytes(value: unknown, length: number): boolean {
  return value instanceof Uint8Array && value.length === length
}

function areLeaves(value: unknown): boolean {
  if (value instanceof PackedLeaves)
    return value.length <= LIMITS.lease_shards && leafSize(value, 0) <= LIMITS.inline_leaf_bytes
  if (!Array.isArray(value) || value.length > LIMITS.lease_shards) return false
  for (let at = 0; at < value.length; at++) {
    const leaf: unknown = value[at]
    if (!(leaf instanceof Uint8Array) || leaf.length > LIMITS.inline_leaf_bytes) return false
  }
  return true
}
