import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { OPS } from '../../../kernel/ops/registry.ts'
import { schemaRows, schemaShape } from './schema-rows.ts'

describe('the rows of a schema', () => {
  it('flatten objects and lists, with ranges, units, defaults and conditions', () => {
    const schema = z.strictObject({
      style: z.enum(['plain', 'odd']).default('plain'),
      parts: z
        .array(z.strictObject({ size: z.int().min(1).max(9).meta({ title: 'Size', unit: 'm' }) }))
        .max(3),
      edge: z
        .number()
        .exactOptional()
        .meta({ only_with: { style: 'odd' } }),
      worth: z.number().nullable(),
    })
    const rows = schemaRows(schema)
    expect(rows.map(({ path }) => path)).toEqual(['style', 'parts', 'parts[].size', 'edge', 'worth'])
    expect(rows[0]).toMatchObject({ type: '"plain" | "odd"', fallback: '"plain"', condition: undefined })
    expect(rows[1]).toMatchObject({ type: 'list of objects', range: 'up to 3 entries' })
    expect(rows[2]).toMatchObject({ type: 'integer', unit: 'm', title: 'Size', range: '1 to 9' })
    expect(rows[3]).toMatchObject({ condition: 'only with style "odd"' })
    expect(rows[4]).toMatchObject({ type: 'number | null' })
    expect(schemaShape(schema)).toBe(
      '{\n  style: "plain" | "odd"\n  parts: {\n    size: integer\n  }[]\n  edge?: number\n  worth: number | null\n}',
    )
  })

  it.each(OPS.list().map((op) => [op.id, op] as const))('of %s tell every argument and result', (_, op) => {
    const args = schemaRows(op.args)
    for (const name of Object.keys(op.example)) expect(args.map(({ path }) => path)).toContain(name)
    for (const { path, type, title, description } of args)
      if (type !== 'object') expect(title ?? description, path).toBeTruthy()
    expect(schemaShape(op.result).split('\n').length).toBeGreaterThan(4)
  })
})
