import { describe, expect, it } from 'vitest'
import { OP_PAGES } from '../app/generated/op-pages.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { documentOp } from './document-op.ts'

describe.each(OPS.list().map((op) => [op.id, op] as const))('the documentation page of %s', (id, op) => {
  it('shows what the shipped kernel gives now, and it meets its oracle', async () => {
    const page = await documentOp(op)
    expect(OP_PAGES[id]).toEqual(JSON.parse(JSON.stringify(page)))
    expect(page.oracle.checks.length).toBeGreaterThan(0)
    expect(page.oracle.checks.filter(({ met }) => !met)).toEqual([])
    expect(page.invariants.length).toBeGreaterThan(0)
  })
})
