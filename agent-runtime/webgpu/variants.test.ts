import { describe, expect, it } from 'vitest'
import type { GpuProgram } from '../../kernel/ops/op.ts'
import { knownProgram, tryPrograms } from './variants.ts'

const program: GpuProgram = {
  kernel: 'k',
  tables: [],
  words: Uint32Array.of(),
  invocations: 8,
  slot_words: 1,
  inputs: [],
  variants: [
    {
      kernel: 'k.dp4a',
      needs: 'packed_4x8_integer_dot_product',
      words: Uint32Array.of(),
      invocations: 4,
      slot_words: 1,
      inputs: [],
      leaf: () => new Uint8Array(0),
    },
    {
      kernel: 'k.f32',
      words: Uint32Array.of(),
      invocations: 2,
      slot_words: 1,
      inputs: [],
      leaf: () => new Uint8Array(0),
    },
  ],
  leaf: () => new Uint8Array(0),
}
const plain = { languageFeatures: new Set<string>() }
const packed = { languageFeatures: new Set(['packed_4x8_integer_dot_product']) }

describe('variants of a kernel', () => {
  it('are tried on the first job that is large enough, if the device speaks them', () => {
    const names = (device: typeof plain, units: number) => {
      const [known, untried] = knownProgram(device, new Map(), program, units)
      return [known.kernel, untried.map(({ kernel, invocations }) => `${kernel} ${invocations}`)]
    }
    expect(names(plain, 100)).toEqual(['k', []])
    expect(names(plain, 10_000)).toEqual(['k', ['k.f32 2']])
    expect(names(packed, 10_000)).toEqual(['k', ['k.dp4a 4', 'k.f32 2']])
  })

  it('are kept by their speed, for small jobs too', async () => {
    const choices = new Map<string, string>()
    const [known, untried] = knownProgram(packed, choices, program, 10_000)
    const ms: Record<string, number> = { k: 5, 'k.dp4a': 3, 'k.f32': 4 }
    const leaf = Uint8Array.of(1)
    const run = async ({ kernel }: GpuProgram) => ({ ms: ms[kernel] ?? 0, leaf })
    expect((await tryPrograms([known, ...untried], choices, 'k', run)).kernel).toBe('k.dp4a')
    expect(knownProgram(packed, choices, program, 1)[0].kernel).toBe('k.dp4a')
    expect(knownProgram(packed, choices, program, 10_000)[1]).toEqual([])
  })

  it('switch the executor off where one computes something else', async () => {
    const [known, untried] = knownProgram(packed, new Map(), program, 10_000)
    const run = async ({ kernel }: GpuProgram) => ({ ms: 1, leaf: Uint8Array.of(kernel === 'k.f32' ? 2 : 1) })
    await expect(tryPrograms([known, ...untried], new Map(), 'k', run)).rejects.toMatchObject({
      code: 'EXECUTOR_FAILED',
      message: 'WebGPU: k.f32 computes another leaf than k',
    })
  })
})
