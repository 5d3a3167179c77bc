import { beforeAll, describe, expect, it } from 'vitest'
import { toBase64 } from '../base64.ts'
import { REFEREE } from '../bill.ts'
import { bytesToHex } from '../digest.ts'
import { leaseDigest, leaseOf } from '../lease.ts'
import { merkleRootOfDigests } from '../merkle.ts'
import { consistencyProof } from '../merkle-proof.ts'
import { receiptBytes } from '../receipt.ts'
import { NO_FINDINGS } from '../verification/job-bound.ts'
import { wrongFractionBound } from '../verification/wrong-bound.ts'
import { assemble, digestRows, type RecordedRun } from './assemble.ts'
import type { EvidenceBundle } from './bundle.ts'
import { CHECKS } from './checklist.ts'
import { keyIdOf, sealStatement } from './envelope.ts'
import type { Pins } from './pins.ts'
import { type JobRecord, recordStatement } from './record.ts'
import { reseal } from './reseal.test-support.ts'
import {
  checkpointAt,
  fileOf,
  makeKey,
  makeSample,
  pastOf,
  ports,
  proofOf,
  type Sample,
} from './sample.test-support.ts'
import { type EvidenceReport, verifyEvidence } from './verify.ts'

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

  it('takes receipts of before leases were signed', async () => {
    const { bundle } = await makeSample({ receipt: 1 })
    const report = await check(bundle)
    expect(report.verified).toBe(true)
    expect(report.checks.find(({ id }) => id === 'receipts')?.detail).toContain('0 of them for signed leases')
  })

  it('takes results that are no objects', async () => {
    for (const text of ['null', '[]', '"stopping"', '{"stopping":null}', '{"stopping":{"shards":"1"}}']) {
      const bundle = await reseal(sample, (draft) => {
        draft.result = text
      })
      expect(states(await check(bundle))).toMatchObject({ result: 'passed' })
    }
  })

  it('takes leases of an earlier key of the hub where the record names it, and of no other', async () => {
    const before = makeKey()
    const { settled, hub } = sample
    const receipts = settled.receipts.map((stored, at) => {
      const { receipt, publicKey } = stored
      const key = sample.agents.find((one) => one.publicKey === publicKey)
      if (key === undefined) throw new Error('an agent of the sample')
      const [agent, hubs] = [keyIdOf(publicKey), [before, hub].map((one) => keyIdOf(one.publicKey))]
      const lease = leaseOf(receipt, { job_id: settled.id, agent, hub: hubs[at % 2] as string })
      const leased = { ...receipt, receipt: 2 as const, lease: bytesToHex(leaseDigest(lease)) }
      return { receipt: leased, publicKey, signature: key.sign(receiptBytes(leased)) }
    })
    const own = keyIdOf(hub.publicKey)
    const made = async (
      hubs: readonly string[],
      claim: (record: JobRecord) => JobRecord = (record) => record,
    ) => {
      const { record, trace, receipts: shown, digests } = assemble({ ...settled, receipts, hubs })
      const envelope = await sealStatement(recordStatement(claim(record)), hub)
      const log = { proof: await proofOf(envelope, sample) }
      return check({ ...sample.bundle, envelope, trace, receipts: shown, digests: digestRows(digests), log })
    }
    const report = await made([own, keyIdOf(before.publicKey), keyIdOf(makeKey().publicKey)])
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
    expect(report.record?.receipts.lease_hubs).toEqual([keyIdOf(before.publicKey)])
    // A receipt for nobody's lease proves nothing, and is left out.
    expect(states(await made([own]))).toMatchObject({ receipts: 'passed', verification: 'failed' })
    const hidden = await made([own, keyIdOf(before.publicKey)], (record) => {
      const { lease_hubs: _, ...rest } = record.receipts
      return { ...record, receipts: rest }
    })
    expect(states(hidden)).toMatchObject({ receipts: 'failed' })
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
    const others = report.checks.filter(({ state }) => state !== 'passed')
    expect(others.map(({ id, state }) => [id, state])).toEqual([['corrections', 'skipped']])
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

describe('evidence of a job with canaries', () => {
  it('says how many were given, which is no part of what its trace and receipts show', async () => {
    const { settled, hub, bundle } = sample
    const canaries = { given: 3, wrong: 1 }
    const { record, trace, receipts, digests } = assemble({ ...settled, canaries })
    expect(record.verification.canaries).toEqual(canaries)
    const envelope = await sealStatement(recordStatement(record), hub)
    const log = { proof: await proofOf(envelope, sample) }
    const report = await check({ ...bundle, envelope, trace, receipts, digests: digestRows(digests), log })
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
  })
})

describe('the bound that a record states', () => {
  const found = { ...NO_FINDINGS, audits: 10, audits_bad: 1, doubt_single: 0.012, doubt_agreed: 0.0024 }

  it('is Clopper and Pearson’s on lone shards, with the model’s figure and how far that moves the result', async () => {
    const { record, bundle } = await makeSample({ mode: 'none', findings: found })
    // One bad of ten: 0.3942 in the usual tables; π is estimated within [0, 4].
    const share = wrongFractionBound(1, 10) + 0.0024 / record.shards.accepted
    expect(record.verification.bound).toEqual({
      audits: 10,
      audits_bad: 1,
      doubt_single: 0.012,
      doubt_agreed: 0.0024,
      copies_per_shard: 1,
      wrong_fraction: expect.closeTo(share, 9),
      modelled_error: expect.closeTo(0.0144 / record.shards.accepted, 12),
      result: { figure: 'the estimate of π', at_most: expect.closeTo((share * 24 * 4) / 23, 6) },
    })
    const report = await check(bundle)
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
    expect(report.checks.find(({ id }) => id === 'trace')?.detail).toContain(
      'with 95 % confidence by 10 audits',
    )
  })

  it('is none where one word was never audited, and never above the whole', async () => {
    const { record, bundle } = await makeSample({ mode: 'none', findings: NO_FINDINGS })
    expect(record.verification.bound).toEqual({
      ...{ audits: 0, audits_bad: 0, doubt_single: 0, doubt_agreed: 0 },
      ...{ copies_per_shard: 1, modelled_error: 0 },
    })
    expect((await check(bundle)).verified).toBe(true)
    const doubtful = await makeSample({ findings: { ...NO_FINDINGS, doubt_agreed: 1e6 } })
    expect(doubtful.record.verification.bound).toMatchObject({ wrong_fraction: 1, modelled_error: 1 })
    expect((await check(doubtful.bundle)).verified).toBe(true)
  })
})

describe('evidence of a job with a dispute', () => {
  /** The first lease of agent 0 had another digest for shard 2: the referee closed that shard with agent 1's copy. */
  async function disputed(known: 'withheld' | 'replaced' | 'neither'): Promise<EvidenceReport> {
    const { settled, agents } = sample
    const [stored] = settled.receipts
    const [quorum] = settled.runs.filter(({ first }) => first === 0)
    const key = agents[0]
    if (stored === undefined || quorum === undefined || key === undefined)
      throw new Error('the sample begins with a lease')
    const wrong = new Uint8Array(32).fill(7)
    const own = quorum.digests.slice()
    own.set(wrong, 64)
    const receipt = { ...stored.receipt, result_root: bytesToHex(merkleRootOfDigests(own)) }
    const part = (first: number, count: number): RecordedRun => ({
      ...quorum,
      first,
      count,
      digests: quorum.digests.slice(32 * first, 32 * (first + count)),
    })
    const { record, trace, receipts, digests } = assemble({
      ...settled,
      runs: [
        ...settled.runs.filter(({ first }) => first !== 0),
        part(0, 2),
        {
          ...part(2, 1),
          method: 'referee',
          copies: [...quorum.copies.slice(1), { agent: REFEREE, owner: REFEREE, executor: 'wasm' }],
        },
        part(3, quorum.count - 3),
      ],
      receipts: [
        { ...stored, receipt, signature: key.sign(receiptBytes(receipt)) },
        ...settled.receipts.slice(1),
      ],
      withheld:
        known === 'withheld'
          ? [{ epoch: receipt.epoch, lease_id: receipt.lease_id, first: 2, digests: wrong }]
          : [],
      replaced: known === 'replaced' ? [{ ...part(2, 1), digests: wrong }] : [],
    })
    const envelope = await sealStatement(recordStatement(record), sample.hub)
    return check({
      ...sample.bundle,
      envelope,
      trace,
      receipts,
      digests: digestRows(digests),
      log: { proof: await proofOf(envelope, sample) },
    })
  }

  it.each(['withheld', 'replaced'] as const)('opens the lease with the digest that was %s', async (known) => {
    const report = await disputed(known)
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
    expect(report.bundle?.receipts[0]?.differs).toEqual([[2, '07'.repeat(32)]])
  })

  it('leaves a receipt out that cannot be opened, and says whose copy is without one', async () => {
    expect(states(await disputed('neither'))).toMatchObject({ receipts: 'passed', verification: 'failed' })
  })
})
