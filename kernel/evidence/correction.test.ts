import { describe, expect, it } from 'vitest'
import { correctedBundle, sampleCorrection } from './correction.test-support.ts'
import { fileOf, makeKey, makeSample, ports } from './sample.test-support.ts'
import { verifyEvidence } from './verify.ts'

describe('a file with a correction', () => {
  it('is rejected for the correction alone, which it names', async () => {
    const sample = await makeSample()
    const report = await verifyEvidence(fileOf(await correctedBundle(sample)), {}, ports)
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([
      expect.objectContaining({
        id: 'corrections',
        detail: 'the hub found 2 of its shards wrong: entry 270',
      }),
    ])
    expect([report.verified, report.corrected]).toEqual([false, true])
  })

  it('is judged without digests, with several corrections, and by a later key of the hub', async () => {
    const sample = await makeSample()
    const first = sampleCorrection(sample)
    const second = { ...first, wrong: [[9, '1'.repeat(64), '2'.repeat(64)]] as typeof first.wrong }
    const { digests: _, ...bare } = await correctedBundle(sample, [first, second], makeKey())
    const pins = { hubKey: sample.hub.publicKey, logKey: sample.logKey }
    const report = await verifyEvidence(fileOf(bare), pins, ports)
    expect(report.corrected).toBe(true)
    expect(report.checks.at(-1)?.detail).toBe('the hub found 3 of its shards wrong: entry 270, entry 271')
  })

  it('is not called corrected when anything else of it is wrong', async () => {
    const sample = await makeSample()
    const bundle = await correctedBundle(sample)
    const report = await verifyEvidence(fileOf({ ...bundle, result: '{}' }), {}, ports)
    expect([report.verified, report.corrected]).toEqual([false, false])
    const plain = await verifyEvidence(fileOf(sample.bundle), {}, ports)
    expect(plain.checks.at(-1)).toMatchObject({ id: 'corrections', state: 'skipped' })
    expect([plain.verified, plain.corrected]).toEqual([true, false])
  })
})
