import { z } from 'zod'
import { type Machine, machineSchema } from './machine.ts'
import { short } from './pairs.ts'
import type { Row } from './suite.ts'

/** The one JSON object of a run, the same for every suite. A key `invalid` is there only where a row counts for nothing. */
export const reportSchema = z.strictObject({
  suite: z.string(),
  machine: machineSchema,
  results: z.array(
    z.strictObject({
      id: z.string(),
      value: z.number().nullable(),
      unit: z.string(),
      ours: z.number().nullable(),
      /** The peer, and the unit of `ours` and `peer_value`. */
      peer: z.string().nullable(),
      peer_value: z.number().nullable(),
      invalid: z.string().optional(),
    }),
  ),
})

export type Report = z.infer<typeof reportSchema>

/** Five significant digits: more would be noise. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(5))
}

export function reportOf(suite: string, machine: Machine, rows: readonly Row[]): Report {
  return reportSchema.parse({
    suite,
    machine,
    results: rows.map(({ id, value, unit, ours, peer, peer_value, rate, invalid }) => ({
      id,
      value: rounded(value),
      unit,
      ours: rounded(ours),
      peer: peer === null ? null : `${peer}, ${rate}`,
      peer_value: rounded(peer_value),
      ...(invalid === undefined ? {} : { invalid }),
    })),
  })
}

const missed = ({ value, at_least, at_most }: Row): boolean =>
  value !== null &&
  ((at_least !== undefined && value < at_least) || (at_most !== undefined && value > at_most))

/** What the project has set itself, in words; nothing where there is no bar. */
function barOf(row: Row): string | undefined {
  if (row.at_least !== undefined) return `at least ${inUnit(row, row.at_least)}`
  return row.at_most === undefined ? undefined : `at most ${inUnit(row, row.at_most)}`
}

/** Whether every row holds: what the exit code says. A missed bar is a result, not a failure of the run. */
export function isValid(rows: readonly Row[]): boolean {
  return rows.length > 0 && rows.every(({ invalid }) => invalid === undefined)
}

/** A value as people read it: `1.52x`, `12.3 ms`. */
function inUnit({ unit }: Row, value: number): string {
  return unit === 'x' ? `${value.toFixed(2)}x` : `${short(value)} ${unit}`
}

function cells(row: Row): readonly string[] {
  const { id, what, value, ours, peer, peer_value, rate, spread } = row
  const shown = (number: number | null) => (number === null ? '–' : `${short(number)} ${rate}`)
  const valueText = value === null ? '–' : inUnit(row, value)
  return [
    `\`${id}\``,
    what,
    shown(ours),
    peer === null ? '–' : `${peer}: ${shown(peer_value)}`,
    missed(row) ? `**${valueText}**` : valueText,
    spread === undefined
      ? '–'
      : spread.map((value) => (row.unit === 'x' ? value.toFixed(2) : short(value))).join(' to '),
    barOf(row) ?? '–',
  ]
}

const HEAD = ['Id', 'What', 'Ours', 'Peer', 'Result', 'Of the rounds', 'Bar']

function aligned(table: readonly (readonly string[])[]): string[][] {
  const widths = HEAD.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)))
  return table.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)))
}

/** For a terminal. */
export function humanTable(rows: readonly Row[]): string {
  const lines = aligned([HEAD, ...rows.map((row) => cells(row).map((cell) => cell.replaceAll(/[`*]/g, '')))])
  const remarks = rows.flatMap((row) => [
    ...(row.invalid === undefined ? [] : [`INVALID ${row.id}: ${row.invalid}`]),
    ...(missed(row) ? [`MISSED ${row.id}: ${inUnit(row, row.value ?? 0)}, ${barOf(row)} was asked for`] : []),
    ...(row.notes ?? []).map((note) => `${row.id}: ${note}`),
  ])
  return [...lines.map((line) => line.join('  ').trimEnd()), '', ...remarks].join('\n').trimEnd()
}

/** For docs/benchmarks.md. A missed bar is in bold letters. */
export function markdownTable({ machine }: Report, rows: readonly Row[]): string {
  const [head, ...body] = aligned([HEAD, ...rows.map(cells)])
  const line = (cellsOf: readonly string[]) => `| ${cellsOf.join(' | ')} |`
  const widths = head?.map((cell) => '-'.repeat(cell.length)) ?? []
  const { cpu, cores, os, node, load_average, adapters, rounds, started_at } = machine
  const notes = rows.flatMap(({ id, invalid, notes: said = [] }) =>
    [...(invalid === undefined ? [] : [`**invalid**: ${invalid}`]), ...said].map(
      (note) => `- \`${id}\`: ${note}`,
    ),
  )
  return [
    `Measured ${started_at.slice(0, 10)} on ${cores} cores of ${cpu}, ${os}, Node ${node}, load average ${load_average} ` +
      `at the start, ${rounds} rounds.${adapters.length === 0 ? '' : ` Adapter: ${adapters.join('; ')}.`}`,
    '',
    line(head ?? []),
    line(widths),
    ...body.map(line),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ].join('\n')
}

/**
 * Puts a suite's table between its marks.
 * @throws Error when the document has no marks for this suite
 */
export function withTable(document: string, suite: string, table: string): string {
  const [open, close] = [`<!-- bench: ${suite} -->`, `<!-- end of bench: ${suite} -->`]
  const from = document.indexOf(open)
  const to = document.indexOf(close)
  if (from < 0 || to < from) throw new Error(`the document has no place "${open}" … "${close}"`)
  return `${document.slice(0, from + open.length)}\n\n${table}\n\n${document.slice(to)}`
}
