import type pg from 'pg'
import { invariant } from '../../kernel/errors.ts'

/** The tables of the schema, read from the catalogue, so that a new table is in the next backup by itself. */

export interface TableShape {
  readonly name: string
  /** Columns that can be written: generated ones follow from the others. */
  readonly columns: readonly string[]
}

/** Prisma's own list of what it has applied: it belongs to the target, not to the data. */
const NOT_DATA = '_prisma_migrations'

/** Every table, those that others refer to before those that refer. */
export async function tablesInOrder(client: pg.ClientBase): Promise<readonly TableShape[]> {
  const { rows: columns } = await client.query<{ table: string; column: string }>(
    `SELECT c.relname AS table, a.attname AS column
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> $1
       AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     ORDER BY c.relname, a.attnum`,
    [NOT_DATA],
  )
  const { rows: references } = await client.query<{ table: string; needs: string }>(
    `SELECT DISTINCT c.conrelid::regclass::text AS table, c.confrelid::regclass::text AS needs
     FROM pg_constraint c
     WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace AND c.conrelid <> c.confrelid`,
  )
  const shapes = new Map<string, string[]>()
  for (const { table, column } of columns) {
    const known = shapes.get(table)
    if (known === undefined) shapes.set(table, [column])
    else known.push(column)
  }
  const ordered: TableShape[] = []
  const placed = new Set<string>()
  while (placed.size < shapes.size) {
    const before = placed.size
    for (const [name, own] of shapes) {
      if (placed.has(name)) continue
      const isReady = references.every(
        ({ table, needs }) => unquoted(table) !== name || placed.has(unquoted(needs)),
      )
      if (!isReady) continue
      ordered.push({ name, columns: own })
      placed.add(name)
    }
    invariant(placed.size > before, 'tables do not refer to each other in a circle')
  }
  return ordered
}

export interface SequenceState {
  readonly name: string
  readonly last_value: string
  readonly is_called: boolean
}

/** Sequences do not belong to a snapshot: what they say is at least as high as any row. */
export async function sequenceStates(client: pg.ClientBase): Promise<readonly SequenceState[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S' ORDER BY c.relname`,
  )
  const states: SequenceState[] = []
  for (const { name } of rows) {
    const { rows: state } = await client.query<{ last_value: string; is_called: boolean }>(
      `SELECT last_value::text, is_called FROM ${quoted(name)}`,
    )
    if (state[0] !== undefined) states.push({ name, ...state[0] })
  }
  return states
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function unquoted(name: string): string {
  return name.replace(/^"|"$/g, '')
}
