import type { HexDigest } from '../../kernel/digest.ts'
import { REPLAY_CREDITS } from '../../kernel/price.ts'
import type { Database } from './database.ts'
import type { NewJob } from './ports/jobs.ts'

/** A settled job with a record in the ledger. */
export interface RecordedJob {
  readonly id: string
  readonly owner_id: string
  /** Its contract. */
  readonly canonical: string
  /** Canonical DSSE envelope of its record. */
  readonly envelope: string
  /** Blob with its trace. */
  readonly trace: HexDigest
}

/** Answers of contracts from the records of earlier jobs. Nothing here executes or pays anything. */
export interface ReplayStore {
  /** Jobs with a record under this replay key that the reader may see and that answer contracts, the newest first. */
  candidates(replayKey: HexDigest, reader: string | undefined, limit: number): Promise<readonly RecordedJob[]>
  /** Those of the keys that are the owner's agents. */
  ownKeys(ownerId: string, keys: readonly HexDigest[]): Promise<ReadonlySet<HexDigest>>
  /**
   * Stores the job as settled with the result of `of`: one statement, all or nothing.
   * @returns false when its id or its owner's idempotency key is there already, or when `of` answers no more
   */
  answer(job: NewJob, of: string): Promise<boolean>
}

export function createReplayStore({ pool }: Pick<Database, 'pool'>): ReplayStore {
  return {
    async candidates(replayKey, reader, limit) {
      const { rows } = await pool.query<RecordedJob>(
        `SELECT j.id, j.owner_id, j.contract AS canonical, e.envelope, e.trace
         FROM jobs AS j JOIN log_entries AS e ON e.job_id = j.id AND e.kind = 'record'
         WHERE j.replay_key = $1 AND j.state = 'settled' AND j.replay_of IS NULL AND j.replay_ended_at IS NULL
           AND (j.visibility = 'public' OR j.owner_id = $2::uuid)
         ORDER BY e.index DESC LIMIT $3`,
        [replayKey, reader ?? null, limit],
      )
      return rows
    },

    async ownKeys(ownerId, keys) {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT id FROM agents WHERE owner_id = $1 AND id = ANY ($2::bpchar[])',
        [ownerId, keys],
      )
      return new Set(rows.map(({ id }) => id))
    },

    async answer(job, of) {
      // The lock orders it before or after whatever ends the record's answers, which writes the same row.
      const { rowCount } = await pool.query(
        `WITH earlier AS (
           SELECT * FROM jobs WHERE id = $12 AND replay_key = $6 AND plan_digest = $7 AND state = 'settled'
             AND replay_of IS NULL AND replay_ended_at IS NULL AND (visibility = 'public' OR owner_id = $2)
           FOR SHARE
         )
         INSERT INTO jobs (id, owner_id, idempotency_key, op, contract, contract_hash, replay_key, plan_digest,
           shard_count, work_units, shard_price, hold, bill, state, finished_at, progress, result, result_digest,
           headline, artifacts, covered_shards, replay_of)
         SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $13::text, replay_key, plan_digest, $8::bigint, $9::bigint,
           $10::bigint, $11::bigint,
           '{"computation": 0, "verification": 0, "referee": 0}', 'settled', now(), progress, result, result_digest,
           headline, artifacts, covered_shards, id
         FROM earlier ON CONFLICT DO NOTHING`,
        [
          job.id,
          job.owner_id,
          job.idempotency_key ?? null,
          job.op,
          job.canonical,
          job.replay_key,
          job.plan_digest,
          job.shard_count,
          job.work_units,
          job.shard_price,
          REPLAY_CREDITS,
          of,
          job.contract_hash,
        ],
      )
      return rowCount === 1
    },
  }
}
