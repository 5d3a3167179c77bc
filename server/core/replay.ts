import { parseJsonStrict } from '../../kernel/canonical.ts'
import { parseContract } from '../../kernel/contract.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { envelopeSchema, openStatement } from '../../kernel/evidence/envelope.ts'
import { parseRecord } from '../../kernel/evidence/record.ts'
import { parseTrace } from '../../kernel/evidence/trace-checks.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { achievedRuns, replayShortfall } from '../../kernel/verification/replay-rule.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { NewJob } from '../memory/ports/jobs.ts'
import type { RecordedJob, ReplayStore } from '../memory/replay-store.ts'
import { CORE_LIMITS } from './limits.ts'

/** Finds the record of an earlier job that may answer a contract (kernel/verification/replay-rule.ts). */
export interface ReplayDesk {
  /** @param reader who asks; undefined for a visitor. @returns the job whose record answers it, or undefined */
  find(job: PreparedJob, reader: string | undefined): Promise<string | undefined>
  /**
   * Stores the job as answered, where a record answers it.
   * @returns false when none does, or when the job's idempotency key was used before: then nothing is stored
   */
  answer(job: NewJob, prepared: PreparedJob): Promise<boolean>
}

export function createReplayDesk(
  replays: ReplayStore,
  blobs: Pick<BlobStore, 'stat' | 'read'>,
  log: (message: string, fields: Record<string, unknown>) => void,
): ReplayDesk {
  const mayAnswer = async (job: PreparedJob, reader: string | undefined, earlier: RecordedJob) => {
    const traceText = await smallText(blobs, earlier.trace)
    if (traceText === undefined) return false
    const trace = parseTrace(parseJsonStrict(traceText, LIMITS.blob_bytes))
    const envelope = envelopeSchema.parse(parseJsonStrict(earlier.envelope, LIMITS.blob_bytes))
    const record = parseRecord(openStatement(envelope).predicate)
    const own = reader === undefined ? new Set<string>() : await replays.ownKeys(reader, trace.agents)
    const shortfall = replayShortfall(job.contract, {
      contract: parseContract(parseJsonStrict(earlier.canonical, LIMITS.contract_bytes)),
      keys: record.verification.keys,
      runs: achievedRuns(trace, (key) => own.has(key)),
      isOwn: earlier.owner_id === reader,
    })
    return shortfall === undefined
  }

  const find = async (job: PreparedJob, reader: string | undefined): Promise<string | undefined> => {
    for (const earlier of await replays.candidates(job.replayKey, reader, CORE_LIMITS.replay_candidates)) {
      try {
        if (await mayAnswer(job, reader, earlier)) return earlier.id
      } catch (error) {
        // A record that cannot be read answers nothing; the contract is executed.
        if (!(error instanceof ForgeError)) throw error
        log('a record cannot be read', { job: earlier.id, error: error.message })
      }
    }
    return undefined
  }

  return {
    find,
    async answer(job, prepared) {
      const of = await find(prepared, job.owner_id)
      return of !== undefined && (await replays.answer(job, of))
    },
  }
}

/** Undefined for a trace that would take longer to weigh than it is worth. @throws ForgeError NOT_FOUND */
async function smallText(
  blobs: Pick<BlobStore, 'stat' | 'read'>,
  digest: string,
): Promise<string | undefined> {
  const stat = await blobs.stat(digest)
  if (stat === undefined || stat.bytes > CORE_LIMITS.replay_trace_bytes) return undefined
  const parts: Uint8Array[] = []
  for await (const part of blobs.read(digest)) parts.push(part)
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
}
