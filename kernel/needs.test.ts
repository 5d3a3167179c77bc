import { describe, expect, it } from 'vitest'
import { CAUSE_NAMES, causeOf } from './causes.ts'
import { memoryBytes } from './needs.ts'
import { OPS } from './ops/registry.ts'

describe('what a job asks of an agent', () => {
  it('is a cause that contributors can choose, for every op', () => {
    expect(new Set(OPS.list().map(({ ref }) => causeOf(ref)))).toEqual(new Set(CAUSE_NAMES))
  })

  it('is room for its largest operand or for one output, whichever is larger', () => {
    const contract = (op: string, args: object, inputs: object) => ({
      contract: 1,
      op: { name: op.split('@')[0], version: 1, profile: op.split('/')[1] },
      args,
      inputs,
      seed: { mode: 'derived' },
      verify: { mode: 'none' },
    })
    const matrix = { digest: 'a'.repeat(64), dtype: 'int16', shape: [4096, 2048] }
    const other = { digest: 'b'.repeat(64), dtype: 'int16', shape: [2048, 64] }
    const product = OPS.prepare(contract('tensor@1/matmul.v1', {}, { a: matrix, b: other }))
    expect(memoryBytes(product)).toBe(2 * 4096 * 2048)
    const picture = OPS.prepare(
      contract('media@1/mandelbrot.v1', OPS.get('media@1/mandelbrot.v1').example, {}),
    )
    expect(memoryBytes(picture)).toBe(4 * picture.gpu().slot_words)
  })
})
