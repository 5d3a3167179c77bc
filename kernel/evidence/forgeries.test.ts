import { describe, expect, it } from 'vitest'
import { FORGERIES } from './forgeries.test-support.ts'
import { makeSample, ports } from './sample.test-support.ts'
import { verifyEvidence } from './verify.ts'

const sample = await makeSample({ seed: 'forgeries' })
const pins = {
  hubKey: sample.hub.publicKey,
  logKey: sample.logKey,
  witnesses: { keys: [sample.witnessKey], needed: 1 },
}

describe('forgeries', () => {
  it.each(FORGERIES)('$name: rejected by $fails', async ({ make, fails }) => {
    const forged = await make(sample)
    const report = await verifyEvidence(forged.file, forged.pins ?? pins, ports)
    expect(
      report.checks.filter(({ state }) => state === 'failed').map(({ id, detail }) => `${id}: ${detail}`)[0],
    ).toMatch(new RegExp(`^${fails}: `))
    expect(report.verified).toBe(false)
  })

  it('have names of their own', () => {
    expect(new Set(FORGERIES.map(({ name }) => name)).size).toBe(FORGERIES.length)
    expect(FORGERIES.length).toBeGreaterThanOrEqual(60)
  })
})
