import { divideRound, expQ, shiftRound } from '../../numerics/bigmath.ts'
import type { GbmArgs } from './args.ts'
import { type Bump, type LogWords, type Model, P } from './model.ts'

/**
 * Revaluations of one set of paths under changed terms, for shaders/mc/gbm-scenarios.v1.wgsl. A Greek is a difference of
 * payoffs of the same path, so that its standard error is that of the difference and not of two prices.
 */

/** Whether the kernel of scenarios runs, and not that of European and Asian prices alone. */
export function hasScenarios({ style, greeks }: Pick<GbmArgs, 'style' | 'greeks'>): boolean {
  return greeks === true || (style !== 'european' && style !== 'asian')
}

/** Whether the prices on the way count, and not the last one alone. */
export function isWatched({ style }: Pick<GbmArgs, 'style'>): boolean {
  return style === 'asian' || style === 'barrier' || style === 'lookback'
}

const bump = (change: Partial<Bump>): Bump => ({ spot: 0, volatility: 0, rate: 0, maturity: 0, ...change })

/** Percent of the spot up and down. */
export const DELTA_BUMP = 1
export const GAMMA_BUMP = 5
/** Percent of the volatility and of the maturity; percentage points of the rate. */
export const OTHER_BUMP = 1

/** In the order of a leaf: up and down for each Greek. */
export const GREEK_BUMPS: readonly Bump[] = [
  bump({ spot: DELTA_BUMP }),
  bump({ spot: -DELTA_BUMP }),
  bump({ spot: GAMMA_BUMP }),
  bump({ spot: -GAMMA_BUMP }),
  bump({ volatility: OTHER_BUMP }),
  bump({ volatility: -OTHER_BUMP }),
  bump({ rate: OTHER_BUMP }),
  bump({ rate: -OTHER_BUMP }),
  bump({ maturity: OTHER_BUMP }),
  bump({ maturity: -OTHER_BUMP }),
]

export const GREEKS = ['delta', 'gamma', 'vega', 'rho', 'theta'] as const
export type Greek = (typeof GREEKS)[number]

/** Walks of a path with Greeks: the price, two for each Greek, and the price again for gamma. */
export const WALKS_WITH_GREEKS = 12

/** One walk in the words of the kernel. */
export type WalkWords = {
  /** volatility sqrt(dt) log2 e in Q(x_bits + normal_shift). */
  readonly volatility: number
  /** log2 drift of a step in Q(x_bits + 32): floor and fraction. */
  readonly step_drift: number
  readonly step_drift_fraction: number
  /** log2 of the spot over the contract's, Q(x_bits); and with the drift of all steps. */
  readonly start: number
  readonly end: number
  /** The spot over the contract's, Q(F). */
  readonly start_ratio: number
  /** Discount factor over the larger of the pair's, Q32, at most 2^32 - 1, which changes no payoff. */
  readonly weight: number
}

/** @param models the contract's own, then those of GREEK_BUMPS if it asks for Greeks */
export function scenarioWords(
  models: readonly Model[],
  logs: readonly LogWords[],
  ratioBits: number,
): readonly WalkWords[] {
  return models.map((model, i) => {
    const words = logs[i] as LogWords
    // The other of the pair (1, 2), (3, 4), …; the contract's own stands alone.
    const other = i === 0 ? model : (models[i % 2 === 1 ? i + 1 : i - 1] as Model)
    return {
      volatility: Number(words.volatility),
      step_drift: Number(words.stepDrift >> 32n),
      step_drift_fraction: Number(words.stepDrift & 0xffffffffn),
      start: Number(words.start),
      end: Number(words.start + words.totalDrift),
      start_ratio: Number(shiftRound(expQ(model.lnStart, P), P - ratioBits)),
      weight: weightOf(model.discount, other.discount),
    }
  })
}

function weightOf(discount: bigint, other: bigint): number {
  const most = discount > other ? discount : other
  return Math.min(Number(divideRound(discount << 32n, most)), 0xffffffff)
}

/** Slots of walks in the kernel's uniform: six passes (the price, five Greeks) of three legs. */
const LEGS = 3
const SLOT_WORDS = 8

/** How a leg counts: its payoff is added so many times to each side of the pass's difference. */
const PRICE = [{ walk: 0, plus: 1, minus: 0 }] as const
const PAIR = (up: number) => [
  { walk: up, plus: 1, minus: 0 },
  { walk: up + 1, plus: 0, minus: 1 },
]
const PASSES = [
  PRICE,
  PAIR(1),
  [
    { walk: 3, plus: 1, minus: 0 },
    { walk: 4, plus: 1, minus: 0 },
    { walk: 0, plus: 0, minus: 2 },
  ],
  PAIR(5),
  PAIR(7),
  PAIR(9),
]

/** The 144 words of the slots; those of passes that do not run are zero. */
export function slotWords(walks: readonly WalkWords[]): Uint32Array {
  const words = new Uint32Array(PASSES.length * LEGS * SLOT_WORDS)
  PASSES.forEach((legs, pass) => {
    legs.forEach(({ walk, plus, minus }, leg) => {
      const w = walks[walk]
      if (w === undefined || (pass > 0 && walks.length === 1)) return
      words.set(
        [
          w.volatility,
          w.step_drift_fraction,
          w.step_drift,
          w.start,
          w.end,
          w.start_ratio,
          w.weight,
          plus + 4 * minus,
        ],
        SLOT_WORDS * (LEGS * pass + leg),
      )
    })
  })
  return words
}
