import { HUB } from './limits.ts'

/**
 * What the hub makes of an agent's speed. A claim sizes nothing but the expectations before the first result; what is
 * measured is counted up to what a machine may have, so that neither a wild claim nor an instant answer weighs more.
 * @returns work units a millisecond; undefined for a claim that no machine can keep, which is taken for none
 */
export function claimedSpeed(units_per_s: number): number | undefined {
  return units_per_s > HUB.speed_max_units_per_s ? undefined : units_per_s / 1000
}

/** Work units a millisecond, at most what a machine may have. */
export function measuredSpeed(units: number, took_ms: number): number {
  return Math.min(units / Math.max(1, took_ms), HUB.speed_max_units_per_s / 1000)
}
