import { type LimitName, RATE_LIMITS, type RateRules } from '../rate-limits.ts'

/** The product's limits, but for these names other points, in windows of so many seconds. */
export function rulesWith(seconds: number, points: Readonly<Partial<Record<LimitName, number>>>): RateRules {
  const others = Object.entries(points).map(([name, so_many]) => [name, { points: so_many, seconds }])
  return { ...RATE_LIMITS, ...Object.fromEntries(others) }
}
