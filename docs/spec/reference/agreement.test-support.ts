import { expect } from 'vitest'
import type { Pins } from '../../../kernel/evidence/pins.ts'
import { ports, type Sample } from '../../../kernel/evidence/sample.test-support.ts'
import { type EvidenceReport, verifyEvidence } from '../../../kernel/evidence/verify.ts'
import { type Request, type SecondReport, verifySecondly } from './second-verifier.test-support.ts'

/** The same files before both verifiers. */

export const pinsOf = (sample: Sample): Pins => ({
  hubKey: sample.hub.publicKey,
  logKey: sample.logKey,
  witnesses: { keys: [sample.witnessKey], needed: 1 },
})

/** `id state` of each check, without `plan`: whoever has no ops cannot plan. */
export const states = ({ checks }: EvidenceReport | SecondReport): string[] =>
  checks.filter(({ id }) => id !== 'plan').map(({ id, state }) => `${id} ${state}`)

export async function bothOn(requests: readonly Request[]): Promise<[EvidenceReport, SecondReport][]> {
  const second = await verifySecondly(requests)
  expect(second.length).toBe(requests.length)
  const pairs: [EvidenceReport, SecondReport][] = []
  for (const [at, { file, pins }] of requests.entries())
    pairs.push([await verifyEvidence(file, pins, ports), second[at] as SecondReport])
  return pairs
}
