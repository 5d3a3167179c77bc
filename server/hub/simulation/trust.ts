import { checksForSingle } from '../../../kernel/verification/credibility.ts'
import { SABOTEUR_FRACTION } from '../../../kernel/verification/policy.ts'
import {
  mixedSaboteurs,
  type NetworkSetup,
  SimulatedNetwork,
} from '../../../kernel/verification/simulated-network.ts'

/** What adaptive verification costs and lets through in networks of a hundred agents, against what it states. */

const EPSILON = 1e-4
const AGENTS = 100
const ALONE = checksForSingle(EPSILON, SABOTEUR_FRACTION, true)

interface Network extends Pick<NetworkSetup, 'saboteurs' | 'keysCostNothing'> {
  readonly name: string
  /** Whether the model behind the stated bound covers it. */
  readonly isCovered: boolean
}

const colluders = (count: number, sleeps: number) =>
  Array.from({ length: count }, () => ({ rate: 1, colludes: true, sleeps }))

const NETWORKS: readonly Network[] = [
  { name: 'honest', saboteurs: [], keysCostNothing: false, isCovered: true },
  {
    name: '20 % saboteurs, half colluding',
    saboteurs: mixedSaboteurs(),
    keysCostNothing: false,
    isCovered: true,
  },
  {
    name: 'the same, keys cost nothing',
    saboteurs: mixedSaboteurs(),
    keysCostNothing: true,
    isCovered: true,
  },
  { name: '20 % colluding', saboteurs: colluders(20, 0), keysCostNothing: false, isCovered: true },
  { name: '30 % colluding', saboteurs: colluders(30, 0), keysCostNothing: false, isCovered: false },
  { name: '20 % sleepers', saboteurs: colluders(20, ALONE + 10), keysCostNothing: false, isCovered: false },
]

/**
 * Runs each network until its agents are known, and then for so many shards.
 * @returns false when more was wrong than is stated where the model holds
 */
export function simulateTrust(seed: number, shards: number): boolean {
  console.log(`adaptive, epsilon ${EPSILON}, ${AGENTS} agents, ${shards} shards, seed ${seed}`)
  const columns = (...texts: readonly string[]) =>
    console.log(texts.map((text, at) => (at === 0 ? text.padEnd(32) : text.padStart(12))).join(''))
  columns('network', 'copies', 'known', 'canaries', 'caught', 'wrong', 'stated')
  let holds = true
  for (const { name, isCovered, ...setup } of NETWORKS) {
    const verify = { mode: 'adaptive', epsilon: EPSILON } as const
    const network = new SimulatedNetwork({ ...setup, seed, verify, honest: AGENTS - setup.saboteurs.length })
    const all = network.run(shards)
    // A stretch after it: its agents are known by then.
    const later = network.run(Math.ceil(shards / 5))
    const wrong = all.wrong + later.wrong
    const stated = all.doubt + later.doubt
    const total = all.shards + later.shards
    if (isCovered && wrong > stated) holds = false
    columns(
      name,
      (all.copies / all.shards).toFixed(4),
      (later.copies / later.shards).toFixed(4),
      ((all.canaries + later.canaries) / total).toFixed(4),
      String(all.caught + later.caught),
      (wrong / total).toExponential(2),
      isCovered ? (stated / total).toExponential(2) : 'not covered',
    )
  }
  console.log('copies: per shard, from the first on; known: of the last sixth. wrong, stated: of all shards.')
  return holds
}
