import { HUB } from './limits.ts'
import { type HubOptions, type HubState, initialState } from './state.ts'

/** The state of a hub that has just started; a test says what matters to it. */
export function startedState(over: Partial<HubOptions> = {}): HubState {
  return initialState(7, {
    draw_key: [1, 2],
    lease_shards: 4096,
    unstored_bytes: HUB.unstored_bytes,
    ...over,
  })
}
