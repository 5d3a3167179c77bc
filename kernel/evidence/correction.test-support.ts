import { toBase64 } from '../base64.ts'
import { bytesToHex, utf8ToBytes } from '../digest.ts'
import { formatCheckpoint } from '../ledger/checkpoint.ts'
import { formatLogProof } from '../ledger/proof-text.ts'
import { cosignNote, formatSignedNote, signNote } from '../ledger/signed-note.ts'
import { merkleLeafHash, merkleNodeHash } from '../merkle.ts'
import { inclusionProof, rootOf, type SubtreeHash } from '../merkle-proof.ts'
import { type Correction, correctionStatement } from './correction.ts'
import { type Envelope, envelopeDigest, sealStatement } from './envelope.ts'
import type { Bundle } from './forgery.test-support.ts'
import { leafBytes, recordLeaf } from './leaf.ts'
import { digestOf, type Key, type Sample } from './sample.test-support.ts'

/** The sample's log of 300 entries in which entry 270 corrects its record, entry 257. */

const RECORD_AT = 257
export const CORRECTION_AT = 270
const SIZE = 300

/** Shards 3 and 7 were found wrong among ten. */
export function sampleCorrection({ bundle, record, settled }: Sample): Correction {
  const recorded = (shard: number) => {
    const run = settled.runs.find(({ first, count }) => shard >= first && shard < first + count)
    const at = 32 * (shard - (run?.first ?? 0))
    return bytesToHex(run?.digests.subarray(at, at + 32) ?? new Uint8Array(32))
  }
  return {
    correction: 1,
    salt: bytesToHex(digestOf('salt of the correction').subarray(0, 16)),
    record: { index: RECORD_AT, envelope: envelopeDigest(bundle.envelope), job_id: record.job_id },
    kernel: record.kernel,
    checked: 10,
    wrong: [3, 7].map((shard) => [shard, recorded(shard), bytesToHex(digestOf(`executed ${shard}`))]),
    corrected_at: '2026-11-27T08:00:00Z',
  }
}

/** The sample's file with these corrections, in a log that has them from entry 270 on. */
export async function correctedBundle(
  sample: Sample,
  corrections: readonly Correction[] = [sampleCorrection(sample)],
  by: Key = sample.hub,
): Promise<Bundle> {
  const envelopes: Envelope[] = []
  for (const correction of corrections)
    envelopes.push(await sealStatement(correctionStatement(correction), by))
  const tree = treeWith(sample.bundle.envelope, envelopes)
  const text = formatCheckpoint({ origin: sample.logKey.name, size: SIZE, root: rootOf(SIZE, tree) })
  const checkpoint = formatSignedNote({
    text,
    signatures: [
      await signNote(text, sample.logKey, sample.log.sign),
      await cosignNote(text, sample.witnessKey, 1_795_000_000, sample.witness.sign),
    ],
  })
  return {
    ...structuredClone(sample.bundle),
    log: {
      proof: formatLogProof({ index: RECORD_AT, hashes: inclusionProof(RECORD_AT, SIZE, tree), checkpoint }),
    },
    corrections: envelopes.map((envelope, at) => ({
      envelope,
      key: toBase64(by.publicKey),
      index: CORRECTION_AT + at,
      hashes: inclusionProof(CORRECTION_AT + at, SIZE, tree).map(toBase64),
    })),
  }
}

function treeWith(record: Envelope, corrections: readonly Envelope[]): SubtreeHash {
  const leaf = (index: number): Uint8Array => {
    if (index === RECORD_AT) return recordLeaf(envelopeDigest(record))
    const correction = corrections[index - CORRECTION_AT]
    return correction === undefined
      ? utf8ToBytes(`other ${index}`)
      : leafBytes({ leaf: 1, kind: 'correction', of: RECORD_AT, envelope: envelopeDigest(correction) })
  }
  const known = new Map<string, Uint8Array>()
  const subtree: SubtreeHash = (level, index) => {
    const name = `${level} ${index}`
    const hash =
      known.get(name) ??
      (level === 0
        ? merkleLeafHash(leaf(index))
        : merkleNodeHash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1)))
    known.set(name, hash)
    return hash
  }
  return subtree
}
