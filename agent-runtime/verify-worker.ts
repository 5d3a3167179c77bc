import { expose } from 'comlink'
import { bytesToHex } from '../kernel/digest.ts'
import { ForgeError, invariant } from '../kernel/errors.ts'
import type { Check } from '../kernel/evidence/checklist.ts'
import { notPinned, type PinTexts, parsePins } from '../kernel/evidence/pins.ts'
import type { JobRecord } from '../kernel/evidence/record.ts'
import { type EvidenceReport, verifyEvidence } from '../kernel/evidence/verify.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { AGENT_LIMITS } from './limits.ts'
import type { ReexecutionRequest } from './reexecute.ts'
import { installErrorTransfer } from './transfer-errors.ts'
import { webVerifySignature } from './verify-signature.ts'

/** Entry of the worker that verifies evidence files for a page. It reads what it is given and sends nothing anywhere. */

export interface VerificationView {
  readonly verified: boolean
  readonly checks: readonly Check[]
  readonly record: JobRecord | undefined
  /** What of the verdict rests on the file alone. */
  readonly not_pinned: readonly string[]
  /** Whether shards of it can be executed here and compared: this version has its kernel, and the file its digests. */
  readonly replayable: boolean
}

export interface VerificationApi {
  /** @throws ForgeError TOO_LARGE; MESSAGE_INVALID for a pin or a file that is not UTF-8; UNAVAILABLE */
  verify(file: Blob, pins: PinTexts): Promise<VerificationView>
  /** Shards of the file verified last, as they are executed again. */
  reexecution(shards: readonly number[]): Promise<ReexecutionRequest>
}

/** Of a file at a time. */
const PART_BYTES = 4 * 1024 * 1024

let last: EvidenceReport | undefined

const api: VerificationApi = {
  async verify(file, texts) {
    last = undefined
    const verifySignature = webVerifySignature()
    const pins = parsePins(texts)
    last = await verifyEvidence(partsOf(file), pins, { verifySignature, ops: OPS })
    const { verified, checks, record, digests } = last
    const isPlanned = checks.some(({ id, state }) => id === 'plan' && state === 'passed')
    return {
      verified,
      checks,
      record,
      not_pinned: notPinned(pins),
      replayable: verified && isPlanned && digests !== undefined,
    }
  },

  async reexecution(shards) {
    const { bundle, digests, record } = last ?? {}
    invariant(
      bundle !== undefined && digests !== undefined && record !== undefined,
      'a file with digests was verified',
    )
    return {
      canonical: bundle.contract,
      contract_hash: record.contract_hash,
      plan_digest: record.plan_digest,
      result_digest: record.result.digest,
      result_shards: record.shards.accepted,
      shards: shards.map((shard) => ({
        shard,
        digest: bytesToHex(digests.subarray(32 * shard, 32 * shard + 32)),
      })),
    }
  },
}

/** @throws ForgeError TOO_LARGE; MESSAGE_INVALID for a file that is not UTF-8 */
async function* partsOf(file: Blob): AsyncGenerator<Uint8Array> {
  if (file.size > AGENT_LIMITS.evidence_bytes)
    throw new ForgeError(
      'TOO_LARGE',
      `the file has ${file.size} bytes; at most ${AGENT_LIMITS.evidence_bytes} are read`,
      {
        hint: 'Use the command for larger ones: forge verify FILE.',
      },
    )
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for (let from = 0; from < file.size; from += PART_BYTES) {
      const part = new Uint8Array(await file.slice(from, from + PART_BYTES).arrayBuffer())
      decoder.decode(part, { stream: true })
      yield part
    }
    decoder.decode()
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new ForgeError('MESSAGE_INVALID', 'the file is not UTF-8', { cause })
  }
}

installErrorTransfer()
expose(api)
