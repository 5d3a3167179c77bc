import { z } from 'zod'

/** What a backup says of itself. */

export const MANIFEST = 'manifest.json'

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)
const tableName = z.string().regex(/^[a-z_]{1,63}$/)

export const manifestSchema = z.strictObject({
  forge_pool_backup: z.literal(1),
  taken_at: z.iso.datetime(),
  /** The migrations that the database had, with their checksums: a backup is restored by a program that has the same. */
  migrations: z.array(z.strictObject({ name: z.string().max(255), checksum: sha256Hex })).min(1),
  /** In an order in which every row finds what it refers to. */
  tables: z.array(
    z.strictObject({
      name: tableName,
      columns: z.array(tableName).min(1),
      rows: z.int().min(0),
      /** Of the file `tables/<name>.gz`. */
      sha256: sha256Hex,
    }),
  ),
  sequences: z.array(
    z.strictObject({ name: tableName, last_value: z.string().regex(/^\d{1,20}$/), is_called: z.boolean() }),
  ),
})

export type Manifest = z.infer<typeof manifestSchema>
