import { canonicalJson, type Json, type JsonObject } from './canonical.ts'
import type { InputRefs, OpRef, Seed } from './contract.ts'
import { sha256, sha256Hex, utf8ToBytes } from './digest.ts'

/** The seed as it enters the replay key: a derived seed with its value filled in. */
export interface SeedMaterial {
  readonly mode: 'explicit' | 'derived'
  readonly value: string
}

/** Philox key: two u32 words. */
export type PhiloxKey = readonly [number, number]

const DOMAIN = 'forge/seed/1'

/** A derived seed's value is the SHA-256 of the canonical form of op, args and inputs. */
export function seedMaterial(seed: Seed, op: OpRef, args: JsonObject, inputs: InputRefs): SeedMaterial {
  if (seed.mode === 'explicit') return { mode: 'explicit', value: seed.value }
  return { mode: 'derived', value: sha256Hex(canonicalJson({ op, args, inputs } as unknown as Json)) }
}

/** First 64 bits of SHA-256("forge/seed/1" || canonical seed material), as two little-endian u32 words. */
export function philoxKey(material: SeedMaterial): PhiloxKey {
  const digest = sha256(utf8ToBytes(DOMAIN + canonicalJson({ ...material })))
  const view = new DataView(digest.buffer, digest.byteOffset, 8)
  return [view.getUint32(0, true), view.getUint32(4, true)]
}
