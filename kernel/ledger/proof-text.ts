import { fromBase64, toBase64 } from '../base64.ts'
import { ForgeError } from '../errors.ts'
import { parseCount } from './checkpoint.ts'

/**
 * Texts in which proofs travel: the offline proof of inclusion (https://c2sp.org/tlog-proof) and the request to a witness
 * (https://c2sp.org/tlog-witness).
 */

const PROOF_HEADER = 'c2sp.org/tlog-proof@v1'
/** A tree that a safe integer counts has no longer path; a witness takes 63 lines at most. */
const PROOF_LINES = 63

export interface LogProof {
  readonly index: number
  readonly hashes: readonly Uint8Array[]
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string
}

export function formatLogProof({ index, hashes, checkpoint }: LogProof): string {
  return `${[PROOF_HEADER, `index ${index}`, ...hashes.map(toBase64)].join('\n')}\n\n${checkpoint}`
}

/** Extra data, which nothing here writes and nobody signs, is skipped. @throws ForgeError MESSAGE_INVALID */
export function parseLogProof(text: string): LogProof {
  const [head, checkpoint] = cutAtEmptyLine(text, 'proof')
  const lines = head.split('\n')
  if (lines.shift() !== PROOF_HEADER) throw invalid('proof', `it does not begin with ${PROOF_HEADER}`)
  if (lines[0]?.startsWith('extra ')) fromBase64((lines.shift() as string).slice('extra '.length))
  const index = lines.shift()
  if (index === undefined || !index.startsWith('index ')) throw invalid('proof', 'its index is missing')
  return { index: parseCount(index.slice('index '.length)), hashes: parseHashes(lines, 'proof'), checkpoint }
}

export interface WitnessRequest {
  /** Size that the witness has cosigned last, as the log believes. */
  readonly old: number
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: string
}

export function formatWitnessRequest({ old, hashes, checkpoint }: WitnessRequest): string {
  return `${[`old ${old}`, ...hashes.map(toBase64)].join('\n')}\n\n${checkpoint}`
}

/** @throws ForgeError MESSAGE_INVALID */
export function parseWitnessRequest(text: string): WitnessRequest {
  const [head, checkpoint] = cutAtEmptyLine(text, 'request')
  const [old, ...lines] = head.split('\n')
  if (old === undefined || !old.startsWith('old ')) throw invalid('request', 'its old size is missing')
  return { old: parseCount(old.slice('old '.length)), hashes: parseHashes(lines, 'request'), checkpoint }
}

function cutAtEmptyLine(text: string, what: string): [string, string] {
  const cut = text.indexOf('\n\n')
  if (cut < 0) throw invalid(what, 'the empty line before its checkpoint is missing')
  return [text.slice(0, cut), text.slice(cut + 2)]
}

function parseHashes(lines: readonly string[], what: string): Uint8Array[] {
  if (lines.length > PROOF_LINES) throw invalid(what, `more than ${PROOF_LINES} hashes`)
  return lines.map((line) => {
    const hash = fromBase64(line)
    if (hash.length !== 32) throw invalid(what, 'a line is not a SHA-256 hash')
    return hash
  })
}

function invalid(what: string, why: string): ForgeError {
  return new ForgeError('MESSAGE_INVALID', `not a log ${what}: ${why}`)
}
