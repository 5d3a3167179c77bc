import { fromBase64 } from '../base64.ts'
import { bytesToHex } from '../digest.ts'
import { type Checkpoint, parseCheckpoint } from '../ledger/checkpoint.ts'
import { parseLogProof } from '../ledger/proof-text.ts'
import {
  COSIGNATURE,
  NOTE_SIGNATURE,
  parseSignedNote,
  parseVkey,
  type SignedNote,
  verifyNote,
} from '../ledger/signed-note.ts'
import { merkleLeafHash } from '../merkle.ts'
import { verifyConsistency, verifyInclusion } from '../merkle-proof.ts'
import type { ParsedBundle } from './bundle-parser.ts'
import { type Checklist, fail, Skip } from './checklist.ts'
import { type Correction, checkCorrection } from './correction.ts'
import { envelopeDigest } from './envelope.ts'
import { recordLeaf } from './leaf.ts'
import type { Pins } from './pins.ts'
import type { JobRecord } from './record.ts'
import type { VerifyPorts } from './verify-ports.ts'

/** Checks of the ledger that a record stands in: its place, the log's past, its witnesses, and what it says later of the record. */

type Bundle = ParsedBundle['bundle']
type SignaturePort = Pick<VerifyPorts, 'verifySignature'>

/** @returns the record's place, where it is in the ledger */
export async function checkLog(
  list: Checklist,
  bundle: Bundle,
  pins: Pins,
  ports: SignaturePort,
): Promise<{ readonly at: number; readonly checkpoint: Checkpoint } | undefined> {
  const log = await list.run('inclusion', async () => {
    const proof = parseLogProof(bundle.log.proof)
    const note = parseSignedNote(proof.checkpoint)
    const checkpoint = parseCheckpoint(note.text)
    const leaf = merkleLeafHash(recordLeaf(envelopeDigest(bundle.envelope)))
    if (!verifyInclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root))
      fail(
        `the proof does not lead from this record to the root of ${checkpoint.origin} at ${checkpoint.size}`,
      )
    return {
      detail: `entry ${proof.index} of ${checkpoint.size}`,
      value: { note, checkpoint, at: proof.index },
    }
  })
  if (log === undefined) return undefined
  await list.run('checkpoint', async () => {
    const key = pins.logKey ?? parseVkey(bundle.keys.log)
    if (key.type !== NOTE_SIGNATURE) fail('the key is not one of a log')
    if (key.name !== log.checkpoint.origin)
      fail(`the log is ${log.checkpoint.origin}, the key is that of ${key.name}`)
    const { state } = await verifyNote(log.note, key, ports.verifySignature)
    if (state !== 'valid')
      fail(state === 'absent' ? `${key.name} has not signed it` : `the signature of ${key.name} is wrong`)
    return {
      detail: `${key.name}${pins.logKey ? ', pinned' : ': not pinned, so only as good as the file'}`,
      value: true,
    }
  })
  await list.run('consistency', async () => ({
    detail: await checkPast(bundle, log.checkpoint, pins, ports),
    value: true,
  }))
  await list.run('witnesses', async () => ({
    detail: await checkWitnesses(log.note, bundle, pins, ports),
    value: true,
  }))
  return { at: log.at, checkpoint: log.checkpoint }
}

/** @returns whether the file shows corrections, all of which are the ledger's */
export async function checkCorrections(
  list: Checklist,
  of: {
    readonly bundle: Bundle
    readonly record: JobRecord
    readonly at: number
    readonly checkpoint: Checkpoint
  },
  digests: Uint8Array | undefined,
  { verifySignature }: SignaturePort,
): Promise<boolean> {
  const found: Correction[] = []
  const { corrections } = of.bundle
  await list.run('corrections', async () => {
    if (corrections === undefined)
      throw new Skip('the file names none; the entries of the ledger show whether there is one')
    for (const shown of corrections)
      found.push(await checkCorrection(shown, of, of.checkpoint, digests, verifySignature))
    const shards = found.reduce((sum, { wrong }) => sum + wrong.length, 0)
    return fail(
      `the hub found ${shards} of its shards wrong: ${corrections.map(({ index }) => `entry ${index}`).join(', ')}`,
    )
  })
  return corrections !== undefined && found.length === corrections.length
}

async function checkPast(
  bundle: Bundle,
  now: Checkpoint,
  pins: Pins,
  { verifySignature }: SignaturePort,
): Promise<string> {
  if (pins.checkpoint === undefined) throw new Skip('no earlier checkpoint was given to compare with')
  const note = parseSignedNote(pins.checkpoint)
  const past = parseCheckpoint(note.text)
  if (past.origin !== now.origin) fail(`the checkpoint given is of another log, ${past.origin}`)
  const key = pins.logKey ?? parseVkey(bundle.keys.log)
  if ((await verifyNote(note, key, verifySignature)).state !== 'valid')
    fail('the checkpoint given is not signed by this log')
  if (past.size > now.size) fail(`the ledger had ${past.size} entries before and shows ${now.size} now`)
  const offered = bundle.log.consistency
  const hashes =
    past.size === now.size || past.size === 0
      ? []
      : offered?.old === past.size
        ? offered.hashes.map(fromBase64)
        : undefined
  // Not to show the proof is what a forked ledger would do.
  if (hashes === undefined)
    fail(`the file has no proof from size ${past.size}: download it again with ?since=${past.size}`)
  if (!verifyConsistency(past.size, now.size, past.root, now.root, hashes))
    fail(`the ledger at ${now.size} does not contain the one of ${past.size} that was given`)
  return `grown from ${past.size} to ${now.size} entries`
}

async function checkWitnesses(
  note: SignedNote,
  bundle: Bundle,
  pins: Pins,
  { verifySignature }: SignaturePort,
): Promise<string> {
  const keys = pins.witnesses?.keys ?? bundle.keys.witnesses.map(parseVkey)
  const seen: string[] = []
  const counted = new Set<string>()
  for (const key of keys) {
    const identity = bytesToHex(key.publicKey)
    if (counted.has(identity)) fail(`the key of ${key.name} stands twice among the witnesses`)
    counted.add(identity)
    if (key.type !== COSIGNATURE) fail(`${key.name} is not the key of a witness`)
    const verdict = await verifyNote(note, key, verifySignature)
    if (verdict.state === 'invalid') fail(`the cosignature of ${key.name} is wrong`)
    if (verdict.state === 'valid') seen.push(key.name)
  }
  const needed = pins.witnesses?.needed ?? 0
  if (seen.length < needed) fail(`${seen.length} of the ${needed} witnesses asked for have cosigned`)
  if (keys.length === 0) throw new Skip('this ledger names no witnesses')
  if (seen.length === 0) throw new Skip('none of them has cosigned this checkpoint')
  return `cosigned by ${seen.join(', ')}${pins.witnesses ? '' : ': not pinned'}`
}
