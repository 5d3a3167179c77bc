import { philox4x32 } from '../../../kernel/numerics/philox.ts'
import type { HubState } from './state.ts'

/** Draws a number in [0, 1), hub-secret. Ask only after a result is in: then no agent can choose by it. */
export type Draw = () => number

/** The hub's draws: Philox under the hub's secret key, one counter a draw. */
export function drawsOf(state: HubState): Draw {
  const words = new Uint32Array(4)
  return () => {
    const counter = state.next_draw++
    const [k0, k1] = state.options.draw_key
    philox4x32(words, counter >>> 0, Math.floor(counter / 2 ** 32), state.epoch >>> 0, 0, k0, k1)
    return (words[0] as number) / 2 ** 32
  }
}
