import { describe, expect, it } from 'vitest'
import { NORMAL_MAX_Q24 } from '../../kernel/numerics/normal.ts'
import { normalTableHeader } from './cpu-peers.ts'
import { kernels } from './suite.ts'
import { optionJob, productJob, STEPS } from './workloads.ts'

describe('the contracts of the table', () => {
  it("are the peers' option: log returns of 1e-4 + 0.03 z a step, struck at the spot", () => {
    const { job, path_steps_per_shard } = optionJob('european')
    const { rate, volatility, spot, strike, steps } = job.contract.args as Record<string, number>
    const deviation = (volatility as number) * Math.sqrt(1 / STEPS)
    const drift = ((rate as number) - (volatility as number) ** 2 / 2) / STEPS
    expect(deviation).toBeCloseTo(0.03, 12)
    expect(drift).toBeCloseTo(1e-4, 12)
    expect(strike).toBe(spot)
    expect(steps).toBe(252)
    expect(path_steps_per_shard % STEPS).toBe(0)
    expect(optionJob('asian').job.contract.args).toMatchObject({ style: 'asian' })
  })

  it('are products of the given square matrices, the same each time', () => {
    const int8 = productJob('int8', 16)
    expect(int8.job.contract.inputs.a).toMatchObject({ dtype: 'int8', shape: [16, 16] })
    expect(int8.operations).toBe(8192)
    expect(int8.inputs().get('b')).toHaveLength(256)
    expect(int8.inputs()).not.toBe(int8.inputs())
    expect(productJob('int8', 16).job.replayKey).toBe(int8.job.replayKey)
    const sliced = productJob('float32', 16)
    expect(sliced.job.contract.args).toEqual({ bits: 16 })
    const elements = new Float32Array(sliced.inputs().get('a')?.slice().buffer ?? new ArrayBuffer(0))
    expect(elements).toHaveLength(256)
    expect(elements.every((x) => x >= 0 && x < 1)).toBe(true)
  })
})

describe('the table for the native peer', () => {
  it('has three arrays of 512 words, which begin as the quantile of the smallest tail does', () => {
    const arrays = normalTableHeader().trim().split('\n')
    expect(arrays).toHaveLength(3)
    for (const [i, line] of arrays.entries()) {
      expect(line).toMatch(new RegExp(`^static const unsigned C${i}\\[512\\]=\\{(\\d+u,){511}\\d+u\\};$`))
    }
    expect(arrays[0]).toContain(`={${NORMAL_MAX_Q24}u,`)
  })
})

describe('the suite', () => {
  it('has the rows that were asked for', () => {
    expect(kernels.ids()).toEqual([
      'gbm.wasm/numpy',
      'asian.wasm/numpy',
      'gbm.wasm/js',
      'gbm.wasm/native',
      'matmul.i8.wasm/tfjs',
      'matmul.i8.wasm/ort',
      'matmul.s16.wasm/tfjs',
      'matmul.i8.webgpu/tfjs',
      'gbm.webgpu/float',
    ])
  })
})
