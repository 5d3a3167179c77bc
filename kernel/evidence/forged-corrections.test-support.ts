import { correctedBundle, sampleCorrection } from './correction.test-support.ts'
import type { Correction } from './correction.ts'
import { type Bundle, flip64, forgeries } from './forgery.test-support.ts'
import { makeKey, type Sample } from './sample.test-support.ts'

type Shown = NonNullable<Bundle['corrections']>[number]

/** Files with corrections: an honest one is rejected for what it says, a forged one for what it is. */
export const CORRECTION_FORGERIES = forgeries(({ signed }) => {
  const shown = (name: string, edit: (correction: Shown, bundle: Bundle, sample: Sample) => void): void =>
    signed('corrections', `a correction ${name}`, async (sample) => {
      const bundle = await correctedBundle(sample)
      edit((bundle.corrections as Shown[])[0] as Shown, bundle, sample)
      return bundle
    })
  const said = (name: string, edit: (correction: Correction) => void): void =>
    signed('corrections', `a correction that says ${name}`, async (sample) => {
      const correction = structuredClone(sampleCorrection(sample))
      edit(correction)
      return correctedBundle(sample, [correction])
    })
  const wrong = (correction: Correction, at: number) => correction.wrong[at] as [number, string, string]

  shown('of the record', () => undefined)
  shown('with another signature', ({ envelope }) => {
    const [signature] = envelope.signatures
    if (signature !== undefined) signature.sig = flip64(signature.sig, 9)
  })
  shown('under another key', (correction) => {
    correction.key = Buffer.from(makeKey().publicKey).toString('base64')
  })
  shown('at another index', (correction) => {
    correction.index++
  })
  shown('with a proof cut short', ({ hashes }) => void hashes.pop())
  shown('that is the record itself', (correction, { envelope }) => {
    correction.envelope = envelope
  })
  said('another record', ({ record }) => {
    record.index = 256
  })
  said('another envelope', ({ record }) => {
    record.envelope = record.envelope.replace(/./, (digit) => (digit === '0' ? '1' : '0'))
  })
  said('another job', ({ record }) => {
    record.job_id = '00000000-0000-4000-8000-000000000000'
  })
  said('another kernel', (correction) => {
    correction.kernel = '0'.repeat(64)
  })
  said('a shard that there is not', (correction) => {
    wrong(correction, 1)[0] = 24
  })
  said('a shard twice', (correction) => {
    wrong(correction, 1)[0] = 3
  })
  said('that a right shard is wrong', (correction) => {
    wrong(correction, 0)[2] = wrong(correction, 0)[1]
  })
  said('another digest than was recorded', (correction) => {
    wrong(correction, 0)[1] = '0'.repeat(64)
  })
  said('that more was wrong than executed', (correction) => {
    correction.checked = 1
  })
  signed('format', 'no correction where there is a list of them', async (sample) => ({
    ...(await correctedBundle(sample)),
    corrections: [],
  }))
})
