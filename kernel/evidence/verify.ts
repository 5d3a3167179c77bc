import { strictly } from '../ledger/strict-ed25519.ts'
import { type EvidenceFile, type ParsedBundle, readBundle } from './bundle-parser.ts'
import { type Check, Checklist } from './checklist.ts'
import { keyIdOf } from './envelope.ts'
import { checkCorrections, checkLog } from './ledger-checks.ts'
import { hubKeyOf, type Pins } from './pins.ts'
import type { JobRecord } from './record.ts'
import { checkRecord, checkWork } from './record-checks.ts'
import type { VerifyPorts } from './verify-ports.ts'

/**
 * Checks an evidence file from its bytes alone: no network, no server, no state. What it cannot know, whose key is whose and
 * what the ledger looked like before, the caller may pin.
 */

export interface EvidenceReport {
  /** No check failed. Skipped ones say in `checks` what was not looked at. */
  readonly verified: boolean
  readonly checks: readonly Check[]
  /** Undefined when the file does not get so far. */
  readonly record: JobRecord | undefined
  /** The file without its digests. */
  readonly bundle: ParsedBundle['bundle'] | undefined
  /** Accepted digests, 32 bytes a shard, when the file has them and they passed. */
  readonly digests: Uint8Array | undefined
  /** True where the file is rejected for nothing but corrections that are the ledger's own. */
  readonly corrected: boolean
}

/** @throws what the parts of the file throw, where it comes in parts */
export async function verifyEvidence(
  file: EvidenceFile,
  pins: Pins,
  { verifySignature, ops }: VerifyPorts,
): Promise<EvidenceReport> {
  const ports = { verifySignature: strictly(verifySignature), ops }
  const list = new Checklist()
  const parser = await readBundle(file)
  const parsed = await list.run('format', async () => ({
    detail: `${parser.bytes} bytes`,
    value: parser.finish(),
  }))
  const { checks } = list
  if (parsed === undefined)
    return {
      verified: false,
      checks,
      record: undefined,
      bundle: undefined,
      digests: undefined,
      corrected: false,
    }
  const { bundle } = parsed
  const record = await checkRecord(list, bundle, pins, ports)
  let digests: Uint8Array | undefined
  let corrected = false
  if (record !== undefined) {
    digests = await checkWork(list, parsed, record, keyIdOf(hubKeyOf(bundle, pins)), ports)
    const log = await checkLog(list, bundle, pins, ports)
    if (log !== undefined) {
      const isSound = !list.failed
      corrected = (await checkCorrections(list, { bundle, record, ...log }, digests, ports)) && isSound
    }
  }
  return { verified: !list.failed, checks, record, bundle, digests, corrected }
}
