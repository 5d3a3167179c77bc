import { philox4x32 } from '../kernel/numerics/philox.ts'
import type { GpuProgram } from '../kernel/ops/op.ts'

/**
 * The plain f32 option kernel of shaders/demo/float-gbm.wgsl and the same formula on the CPU, rounded to f32 after each
 * operation. Not reproducible, and the reason why no contract is computed this way: Math.log, cos and exp differ
 * between JavaScript engines as the built-in functions of WGSL do between drivers.
 */
export const FLOAT_PATHS = 4096
const STEPS = 52
const KEY = [0x13198a2e, 0x03707344] as const
const f = Math.fround
const DRIFT = f(0.01 / STEPS)
const VOLATILITY = f(0.2 / Math.sqrt(STEPS))
const STRIKE = 1

export function floatProgram(): GpuProgram {
  const words = new Uint32Array(8)
  words.set([KEY[0], KEY[1], STEPS])
  words.set(new Uint32Array(Float32Array.of(DRIFT, VOLATILITY, STRIKE).buffer), 3)
  return {
    kernel: 'demo/float-gbm',
    tables: [],
    words,
    invocations: FLOAT_PATHS,
    slot_words: FLOAT_PATHS,
    inputs: [],
    leaf: (_, slot) => new Uint8Array(slot.buffer, slot.byteOffset, slot.byteLength),
  }
}

/** @returns the bits of one f32 payoff a path */
export function floatPayoffs(): Uint8Array {
  const payoffs = new Float32Array(FLOAT_PATHS)
  const words = new Uint32Array(4)
  for (let path = 0; path < FLOAT_PATHS; path++) {
    let logPrice = 0
    for (let step = 0; step < STEPS; step++) {
      philox4x32(words, step, path, 0, 0, KEY[0], KEY[1])
      const u1 = f(f(((words[0] as number) >>> 8) + 0.5) * f(2 ** -24))
      const u2 = f(((words[1] as number) >>> 8) * f(2 ** -24))
      const radius = f(Math.sqrt(f(-2 * f(Math.log(u1)))))
      const z = f(radius * f(Math.cos(f(f(6.2831853) * u2))))
      logPrice = f(f(logPrice + DRIFT) + f(VOLATILITY * z))
    }
    payoffs[path] = Math.max(f(f(Math.exp(logPrice)) - STRIKE), 0)
  }
  return new Uint8Array(payoffs.buffer)
}
