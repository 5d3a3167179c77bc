import { describe, expect, it } from 'vitest'
import type { EvidenceBundle } from '../../../kernel/evidence/bundle.ts'
import { damagedFile, drawFrom } from '../../../kernel/evidence/mutate.test-support.ts'
import { makeSample } from '../../../kernel/evidence/sample.test-support.ts'
import { bothOn, pinsOf, states } from './agreement.test-support.ts'
import { hasPython } from './second-verifier.test-support.ts'

/**
 * Damaged files before both verifiers: never a crash, never two verdicts, never an acceptance of what is not the honest
 * evidence. FUZZ_SEED repeats a run, `npm run fuzz:evidence -- --files N` makes a longer one.
 */
const FILES = Number(process.env.FUZZ_FILES ?? 300)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const BATCH = 200

/** What evidence says, without how it is spelled and what it claims of keys, which were pinned. */
const meaning = ({ contract, replay_key_material, envelope, result, trace, receipts }: EvidenceBundle) =>
  JSON.stringify([
    [contract, replay_key_material, envelope.payload, result, trace],
    receipts.map(({ receipt, key, signature }) => [receipt, key, signature]),
  ])

describe.skipIf(!hasPython())('damaged evidence', () => {
  it(`is rejected by both verifiers at the same check`, { timeout: 60_000 + 400 * FILES }, async () => {
    const draw = drawFrom(SEED)
    let rejected = 0
    for (let done = 0; done < FILES; done += BATCH) {
      const sample = await makeSample({ seed: `fuzz ${SEED}`, mode: draw(4) === 0 ? 'none' : 'quorum' })
      const files: Awaited<ReturnType<typeof damagedFile>>[] = []
      while (files.length < Math.min(BATCH, FILES - done)) files.push(await damagedFile(sample, draw))
      const pairs = await bothOn(files.map(({ file }) => ({ file, pins: pinsOf(sample) })))
      for (const [at, [first, second]] of pairs.entries()) {
        const { byHub, file } = files[at] as (typeof files)[number]
        const shown = `FUZZ_SEED=${SEED}, file ${done + at}`
        if (states(first).join() !== states(second).join())
          expect([shown, Buffer.from(file).toString(), first.checks]).toEqual([shown, '', second.checks])
        if (!first.verified) rejected++
        else if (!byHub && first.bundle !== undefined)
          expect([shown, meaning(first.bundle)]).toEqual([shown, meaning(sample.bundle)])
      }
    }
    console.log(`damaged evidence: ${FILES} files, ${rejected} rejected, FUZZ_SEED=${SEED}`)
    expect(rejected).toBeGreaterThan(FILES / 2)
  })
})
