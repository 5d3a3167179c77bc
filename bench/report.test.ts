import { describe, expect, it } from 'vitest'
import type { Machine } from './machine.ts'
import { humanTable, isValid, markdownTable, reportOf, reportSchema, withTable } from './report.ts'
import type { Row } from './suite.ts'

const MACHINE: Machine = {
  cpu: 'a processor',
  cores: 2,
  memory_gib: 8,
  os: 'linux 6',
  arch: 'x64',
  node: '20.19.0',
  load_average: 0.1,
  adapters: ['a software driver'],
  rounds: 7,
  started_at: '2026-01-02T03:04:05.000Z',
}

const GOOD: Row = {
  id: 'gbm.wasm/numpy',
  what: 'one against the other',
  unit: 'x',
  value: 1.71428571,
  ours: 156,
  peer: 'NumPy 1.24.2 float64',
  peer_value: 91,
  rate: 'M path-steps/s',
  at_least: 1.6,
  spread: [1.6, 1.8],
  notes: ['a remark'],
}
const MISSED: Row = { ...GOOD, id: 'matmul', value: 1.2, at_least: 1.5 }
const MISSING: Row = {
  ...GOOD,
  id: 'gone',
  value: null,
  ours: null,
  peer: null,
  peer_value: null,
  invalid: 'the peer is missing: no gcc (apt-get install gcc)',
}

describe('the JSON object', () => {
  it('has exactly the keys that every suite has', () => {
    const report = reportOf('kernels', MACHINE, [GOOD])
    expect(Object.keys(report)).toEqual(['suite', 'machine', 'results'])
    expect(report.results).toEqual([
      {
        id: 'gbm.wasm/numpy',
        value: 1.7143,
        unit: 'x',
        ours: 156,
        peer: 'NumPy 1.24.2 float64, M path-steps/s',
        peer_value: 91,
      },
    ])
  })

  it('marks an invalid row with the reason, and reads back by its schema', () => {
    const report = reportOf('kernels', MACHINE, [GOOD, MISSING])
    expect(report.results[1]).toMatchObject({ value: null, peer: null, invalid: /no gcc/ })
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report)
  })
})

describe('a run', () => {
  it('is valid when every row is, also where a bar is missed', () => {
    expect(isValid([GOOD, MISSED])).toBe(true)
    expect(isValid([GOOD, MISSING])).toBe(false)
    expect(isValid([])).toBe(false)
  })
})

describe('the tables', () => {
  it('say what was missed and what is invalid', () => {
    const text = humanTable([GOOD, MISSED, MISSING])
    expect(text).toContain('156 M path-steps/s')
    expect(text).toMatch(/MISSED matmul: 1.20x, at least 1.50x/)
    expect(text).toMatch(/INVALID gone: .*apt-get install gcc/)
    expect(text).toContain('gbm.wasm/numpy: a remark')
  })

  it('show values of any unit, and rows without a peer', () => {
    const text = humanTable([
      {
        id: 'hub',
        what: 'a page',
        unit: 'ms',
        value: 12.34,
        ours: 12.34,
        peer: null,
        peer_value: null,
        rate: 'ms',
      },
    ])
    expect(text.split('\n')[1]).toMatch(/^hub +a page +12\.3 ms +– +12\.3 ms +– +–$/)
  })

  it('in Markdown have a column for each head, and a missed bar in bold', () => {
    const text = markdownTable(reportOf('kernels', MACHINE, [GOOD, MISSED]), [GOOD, MISSED])
    const lines = text.split('\n').filter((line) => line.startsWith('|'))
    expect(lines).toHaveLength(4)
    expect(new Set(lines.map((line) => line.split('|').length)).size).toBe(1)
    expect(text).toContain('**1.20x**')
    expect(text).toContain('load average 0.1')
    expect(text).toContain('a software driver')
  })
})

describe('a document', () => {
  const document = 'above\n<!-- bench: kernels -->\nold\n<!-- end of bench: kernels -->\nbelow\n'

  it('takes a new table between its marks, again and again', () => {
    const once = withTable(document, 'kernels', 'new')
    expect(once).toBe('above\n<!-- bench: kernels -->\n\nnew\n\n<!-- end of bench: kernels -->\nbelow\n')
    expect(withTable(once, 'kernels', 'new')).toBe(once)
  })

  it('without marks is refused', () => {
    expect(() => withTable(document, 'hub', 'new')).toThrow(/no place/)
  })
})
