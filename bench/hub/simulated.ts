import { checksForSingle } from '../../kernel/verification/credibility.ts'
import { SABOTEUR_FRACTION } from '../../kernel/verification/policy.ts'
import { mixedSaboteurs, SimulatedNetwork } from '../../kernel/verification/simulated-network.ts'
import { short } from '../pairs.ts'
import type { Row } from '../suite.ts'
import { blank } from './throughput.ts'

/** What adaptive verification costs and lets through: the real policy over a simulated network. */

const EPSILON = 1e-4
const AGENTS = 100
const HONEST_SHARDS = 200_000
const SHARDS = 1_000_000
const SEED = 5
const verify = { mode: 'adaptive', epsilon: EPSILON } as const

export function copiesHonest(): Row {
  const network = new SimulatedNetwork({
    seed: SEED,
    verify,
    honest: AGENTS,
    saboteurs: [],
    keysCostNothing: false,
  })
  let warm_up = 0
  while (network.leastChecks < checksForSingle(EPSILON, SABOTEUR_FRACTION, true))
    warm_up += network.run(1000).shards
  const copies = network.run(HONEST_SHARDS).copies / HONEST_SHARDS
  return {
    ...blank(
      'copies_honest',
      'copies of a shard among honest agents, adaptive 1e-4, audits included',
      'copies',
    ),
    value: copies,
    ours: copies,
    at_most: 1.08,
    notes: [`${HONEST_SHARDS} shards after a warm-up of ${warm_up} with ${AGENTS} agents`],
  }
}

/** A fifth of the agents sabotages, half of it in one conspiracy, from every result to one in a thousand. */
export function wrongAccepted(): Row {
  const saboteurs = mixedSaboteurs()
  const network = new SimulatedNetwork({
    seed: SEED,
    verify,
    honest: AGENTS - saboteurs.length,
    saboteurs,
    keysCostNothing: false,
  })
  const { wrong, doubt, copies, caught } = network.run(SHARDS)
  const stated = doubt / SHARDS
  return {
    ...blank(
      'wrong_accepted',
      'accepted shards that are wrong, a fifth of the agents saboteurs',
      'of shards',
    ),
    value: wrong / SHARDS,
    ours: wrong / SHARDS,
    at_most: Math.min(stated, EPSILON),
    notes: [
      `${wrong} of ${SHARDS} shards; the stated bound is ${stated.toExponential(2)}; ` +
        `${short(copies / SHARDS)} copies of a shard, ${caught} of ${saboteurs.length} caught`,
    ],
  }
}
