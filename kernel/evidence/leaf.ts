import { z } from 'zod'
import { canonicalJson } from '../canonical.ts'
import type { HexDigest } from '../digest.ts'
import { utf8ToBytes } from '../digest.ts'

/**
 * An entry of the ledger: the canonical form of an object that names an envelope by its digest. The log shows neither a
 * job nor its contract; whoever holds the record finds it there.
 */
export const ledgerLeafSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    leaf: z.literal(1),
    kind: z.literal('record'),
    envelope: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  z.strictObject({
    leaf: z.literal(1),
    kind: z.literal('correction'),
    /** Index of the record that this one corrects. */
    of: z.int().min(0),
    envelope: z.string().regex(/^[0-9a-f]{64}$/),
  }),
])
export type LedgerLeaf = z.infer<typeof ledgerLeafSchema>

export function recordLeaf(envelope: HexDigest): Uint8Array {
  return leafBytes({ leaf: 1, kind: 'record', envelope })
}

export function leafBytes(leaf: LedgerLeaf): Uint8Array {
  return utf8ToBytes(canonicalJson({ ...leaf }))
}
