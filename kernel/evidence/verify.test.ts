import { beforeAll, describe, expect, it } from 'vitest'
import { toBase64 } from '../base64.ts'
import { consistencyProof } from '../merkle-proof.ts'
import type { EvidenceBundle } from './bundle.ts'
import { CHECKS } from './checklist.ts'
import { sealStatement } from './envelope.ts'
import { type JobRecord, recordStatement } from './record.ts'
import {
  checkpointAt,
  fileOf,
  makeKey,
  makeSample,
  pastOf,
  ports,
  type Sample,
} from './sample.test-support.ts'
import { type EvidenceReport, type Pins, verifyEvidence } from './verify.ts'

let sample: Sample
beforeAll(async () => {
  sample = await makeSample()
})

const check = (bundle: EvidenceBundle, pins: Pins = {}): Promise<EvidenceReport> =>
  verifyEvidence(fileOf(bundle), pins, ports)
const states = (report: EvidenceReport) =>
  Object.fromEntries(report.checks.map(({ id, state }) => [id, state]))

describe('evidence', () => {
  it('passes every check that can be made without pins', async () => {
    const report = await check(sample.bundle)
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
    expect(report.verified).toBe(true)
    expect(report.checks.map(({ id }) => id)).toEqual(Object.keys(CHECKS))
    expect(states(report)).toMatchObject({ plan: 'passed', consistency: 'skipped', witnesses: 'passed' })
  })

  it('passes all of them against pinned keys and an earlier checkpoint', async () => {
    const { bundle, hub, logKey, witnessKey } = sample
    const old = 259
    const grown = {
      ...bundle,
      log: {
        ...bundle.log,
        consistency: { old, hashes: consistencyProof(old, 300, pastOf(bundle.envelope)).map(toBase64) },
      },
    }
    const report = await check(grown, {
      hubKey: hub.publicKey,
      logKey,
      witnesses: { keys: [witnessKey], needed: 1 },
      checkpoint: await checkpointAt(bundle.envelope, old, sample),
    })
    expect(report.checks.filter(({ state }) => state !== 'passed')).toEqual([])
  })

  it('is rejected under another pinned key', async () => {
    const other = makeKey()
    expect(states(await check(sample.bundle, { hubKey: other.publicKey })).envelope).toBe('failed')
    const logKey = { ...sample.logKey, publicKey: other.publicKey }
    expect(states(await check(sample.bundle, { logKey })).checkpoint).toBe('failed')
    const witnessKey = { ...sample.witnessKey, publicKey: other.publicKey }
    expect(
      states(await check(sample.bundle, { witnesses: { keys: [witnessKey], needed: 1 } })).witnesses,
    ).toBe('failed')
  })

  it('is rejected when the ledger shows another past', async () => {
    const fork = await makeSample()
    const keys = {
      log: sample.log,
      logKey: sample.logKey,
      witness: sample.witness,
      witnessKey: sample.witnessKey,
    }
    const checkpoint = await checkpointAt(fork.bundle.envelope, 300, keys)
    expect(states(await check(sample.bundle, { checkpoint })).consistency).toBe('failed')
    const later = await checkpointAt(sample.bundle.envelope, 301, keys)
    expect(states(await check(sample.bundle, { checkpoint: later })).consistency).toBe('failed')
  })

  it('is rejected when it does not show how the ledger grew from the checkpoint that is known', async () => {
    const checkpoint = await checkpointAt(sample.bundle.envelope, 259, sample)
    expect(states(await check(sample.bundle, { checkpoint })).consistency).toBe('failed')
  })

  it('counts a witness once', async () => {
    const witnesses = { keys: [sample.witnessKey, sample.witnessKey], needed: 2 }
    expect(states(await check(sample.bundle, { witnesses })).witnesses).toBe('failed')
  })

  it('says what was not looked at when the digests were left out', async () => {
    const { digests: _, ...bundle } = sample.bundle
    const report = await check(bundle)
    expect(report.verified).toBe(true)
    expect(states(report)).toMatchObject({ shards: 'skipped', receipts: 'passed' })
  })

  it('is rejected when the hub itself signs another extent or price of the work', async () => {
    const { bundle, record, hub } = sample
    const resigned = async (change: Partial<JobRecord>) =>
      states(
        await check({
          ...bundle,
          envelope: await sealStatement(recordStatement({ ...record, ...change }), hub),
        }),
      )
    for (const accepted of [record.shards.planned - 1, record.shards.planned + 1])
      expect((await resigned({ shards: { ...record.shards, accepted } }))['replay-key']).toBe('failed')
    expect((await resigned({ work_units: record.work_units + 1 })).plan).toBe('failed')
  })
})
