/** Text cells that begin so are formulas to a spreadsheet. */
const FORMULA = /^[=+\-@\t\r\n]/

/**
 * One record of a CSV file (RFC 4180), with its CRLF. Text that a spreadsheet would run as a formula is led by an
 * apostrophe; a number is written as it is.
 */
export function csvRecord(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cell).join(',')}\r\n`
}

function cell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
