import { z } from 'zod'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { CLI_LIMITS } from '../limits.ts'
import { replaceFile } from '../replace-file.ts'
import { readTextFile } from '../text-file.ts'

/** What was found of one record. */
export const entryReport = z.strictObject({
  index: z.int().min(0),
  job_id: z.string(),
  /**
   * `verified`; `corrected`: withdrawn in the ledger, as it should be; `wrong`: the hub or its ledger says what does not hold;
   * `unable`: this version cannot execute it; `missing`: there is no evidence.
   */
  status: z.enum(['verified', 'corrected', 'wrong', 'unable', 'missing']),
  detail: z.string(),
  /** Shards executed here, and those of them that differ. */
  replayed: z.int().min(0),
  different: z.array(z.int().min(0)),
})
export type EntryReport = z.infer<typeof entryReport>

const stateSchema = z.strictObject({
  forge_replay_all: z.literal(1),
  hub: z.string(),
  /** Newest checkpoint whose entries were walked: the next run demands that the ledger contains it. */
  checkpoint: z.string(),
  /** Index of the first record that has not been looked at. */
  next: z.int().min(0),
  counts: z.record(entryReport.shape.status, z.int().min(0)),
  /** Records that are neither verified nor corrected. */
  findings: z.array(entryReport),
})
export type AuditState = z.infer<typeof stateSchema>

export const NO_COUNTS: AuditState['counts'] = { verified: 0, corrected: 0, wrong: 0, unable: 0, missing: 0 }

/** @returns undefined when there is no such file yet. @throws ForgeError MESSAGE_INVALID */
export async function loadAuditState(file: string): Promise<AuditState | undefined> {
  let text: string
  try {
    text = await readTextFile(file, CLI_LIMITS.audit_state_bytes)
  } catch (error) {
    if (error instanceof ForgeError && error.message.startsWith('ENOENT')) return undefined
    throw error
  }
  const parsed = stateSchema.safeParse(parseJsonStrict(text, CLI_LIMITS.audit_state_bytes))
  if (!parsed.success)
    throw new ForgeError('MESSAGE_INVALID', `${file} does not hold the state of an audit`, {
      hint: 'Name another file, or remove it to begin anew.',
    })
  return parsed.data
}

/** In one step: a run that is killed goes on from the record that it was at. */
export function saveAuditState(file: string, state: AuditState): Promise<void> {
  return replaceFile(file, `${JSON.stringify(state, null, 2)}\n`)
}
