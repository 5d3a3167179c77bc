import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvRecord } from './csv.ts'

describe('a CSV record', () => {
  it.each([
    [['a', 1, null, -2], 'a,1,,-2\r\n'],
    [['a,b', 'say "no"', 'two\nlines'], '"a,b","say ""no""","two\nlines"\r\n'],
    [[' kept '], '" kept "\r\n'],
    [['=1+1', '+1', '-1', '@SUM(A1)'], "'=1+1,'+1,'-1,'@SUM(A1)\r\n"],
    [['=HYPERLINK("http://x","y")'], '"\'=HYPERLINK(""http://x"",""y"")"\r\n'],
    [['\t=1', '\r=1'], `'\t=1,"'\r=1"\r\n`],
  ])('of %j is %j', (cells, record) => {
    expect(csvRecord(cells)).toBe(record)
  })

  it('is read back as what was written, and no text begins like a formula', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (cells) => {
        const read = parse(csvRecord(cells))
        expect(read).toEqual(cells.map((cell) => (/^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell)))
        for (const cell of read) expect(cell).not.toMatch(/^[=+\-@\t\r\n]/)
      }),
    )
  })
})

/** One record by RFC 4180. */
function parse(record: string): string[] {
  const cells: string[] = []
  let rest = record.slice(0, -2)
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(,|$)/.exec(rest)
    const [whole, cell = '', end] = quoted ?? /^([^",]*)(,|$)/.exec(rest) ?? ['', '', '']
    cells.push(quoted === null ? cell : cell.replaceAll('""', '"'))
    if (end !== ',') return cells
    rest = rest.slice(whole.length)
  }
}
