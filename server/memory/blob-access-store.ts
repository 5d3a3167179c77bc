import type { Database } from './database.ts'
import type { BlobAccessStore } from './ports/blobs.ts'
import { safeNumber } from './rows.ts'

/** Who may read which blob, in PostgreSQL. `job_blobs` is kept by the database itself. */
export function createBlobAccessStore({ pool }: Pick<Database, 'pool'>): BlobAccessStore {
  return {
    async uploaded(ownerId, digest, bytes) {
      await pool.query(
        `INSERT INTO blob_uploads (owner_id, digest, bytes) VALUES ($1, $2, $3)
         ON CONFLICT (owner_id, digest) DO NOTHING`,
        [ownerId, digest, bytes],
      )
    },

    async uploadedBytes(ownerId) {
      const { rows } = await pool.query<{ bytes: string }>(
        'SELECT coalesce(sum(bytes), 0) AS bytes FROM blob_uploads WHERE owner_id = $1',
        [ownerId],
      )
      return safeNumber(rows[0]?.bytes ?? '0')
    },

    async grantsOf(digest, ownerId) {
      const { rows } = await pool.query<{ uploaded: boolean; own_job: boolean; public_job: boolean }>(
        `SELECT EXISTS (SELECT FROM blob_uploads WHERE owner_id = $2 AND digest = $1) AS uploaded,
           EXISTS (SELECT FROM job_blobs JOIN jobs ON jobs.id = job_id
                   WHERE digest = $1 AND jobs.owner_id = $2) AS own_job,
           EXISTS (SELECT FROM job_blobs JOIN jobs ON jobs.id = job_id
                   WHERE digest = $1 AND jobs.visibility = 'public') AS public_job`,
        [digest, ownerId ?? null],
      )
      const [row] = rows
      return { isOwn: row?.uploaded === true || row?.own_job === true, isPublic: row?.public_job === true }
    },
  }
}
