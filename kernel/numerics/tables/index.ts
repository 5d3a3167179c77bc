import { decodeBase64 } from './base64.ts'
import { EXP2_BASE64, EXP2_SHA256 } from './exp2.ts'
import { LOG2_BASE64, LOG2_SHA256 } from './log2.ts'
import { NORMAL_QUANTILE_BASE64, NORMAL_QUANTILE_SHA256 } from './normal-quantile.ts'

/**
 * The frozen tables. Their bytes are made once by scripts/tables/generate.py, committed, and named by their SHA-256
 * in every replay key that depends on them.
 */
export interface Table {
  /** Little-endian u32 words, as a GPU buffer holds them. Shared: do not write. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The same words as numbers on any host. Shared: do not write. */
  readonly words: Uint32Array<ArrayBuffer>
  /** SHA-256 of `bytes`, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

export type TableName = 'normal-quantile' | 'exp2' | 'log2'

function table(base64: string, sha256: string): Table {
  const bytes = decodeBase64(base64)
  const view = new DataView(bytes.buffer)
  const words = new Uint32Array(bytes.length / 4)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true)
  return { bytes, words, sha256 }
}

export const TABLES: Readonly<Record<TableName, Table>> = {
  /** 512 rows (|c0|, |c1|, |c2|, 0), Q24: see `normalQuantileQ24`. */
  'normal-quantile': table(NORMAL_QUANTILE_BASE64, NORMAL_QUANTILE_SHA256),
  /** 256 rows (c0, c1, c2, 0), Q30: see `exp2Q30`. */
  exp2: table(EXP2_BASE64, EXP2_SHA256),
  /** 256 rows (c0, c1, c2, 0), Q31 and Q39: see shaders/prelude/log2.wgsl. */
  log2: table(LOG2_BASE64, LOG2_SHA256),
}
