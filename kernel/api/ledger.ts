import { z } from 'zod'

/** The public ledger as its page shows it. Whoever checks it reads `/log/…` itself. */
export const ledgerView = z.object({
  origin: z.string(),
  vkey: z.string(),
  size: z.int(),
  /** The newest signed checkpoint, verbatim; null for an empty ledger. */
  checkpoint: z.string().nullable(),
  witnesses: z.array(
    z.object({
      name: z.string(),
      vkey: z.string(),
      /** ISO 8601, by the witness's clock; null when it has not cosigned the newest checkpoint. */
      cosigned_at: z.string().nullable(),
    }),
  ),
  /** The newest first. The hash is that of the leaf. */
  entries: z.array(
    z.object({
      index: z.int(),
      hash: z.string(),
      /** Of a correction: the entry that it corrects. */
      corrects: z.int().nullable(),
    }),
  ),
})
export type LedgerView = z.infer<typeof ledgerView>

/** `GET /api/v0/records?from=INDEX`: records of public jobs by their entries, ascending. */
export const publicRecords = z.object({
  records: z.array(z.object({ index: z.int().min(0), job_id: z.uuid(), settled_at: z.iso.datetime() })),
  /** What to ask from next; null at the end. */
  next: z.int().min(0).nullable(),
})
export type PublicRecords = z.infer<typeof publicRecords>
