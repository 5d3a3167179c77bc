import { fromBase64, toBase64 } from '../base64.ts'
import { consistencyProof } from '../merkle-proof.ts'
import { type Bundle, flip64, forgeries, proofLines, put, spareBit } from './forgery.test-support.ts'
import type { Pins } from './pins.ts'
import { reseal } from './reseal.test-support.ts'
import { checkpointAt, fileOf, makeKey, makeSample, pastOf, type Sample } from './sample.test-support.ts'

/** Forged proofs, checkpoints and cosignatures. */
export const LEDGER_FORGERIES = forgeries(({ changed, add }) => {
  // The ledger.
  changed('inclusion', 'another index', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(1, 1, 'index 256')),
  )
  changed('inclusion', 'an index beyond the log', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(1, 1, 'index 300')),
  )
  changed('inclusion', 'an index of 20 digits', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(1, 1, 'index 18446744073709551873')),
  )
  changed('inclusion', 'an index with a sign', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(1, 1, 'index +257')),
  )
  changed('inclusion', 'a proof cut short', (bundle) => proofLines(bundle, (lines) => lines.splice(2, 1)))
  changed('inclusion', 'a proof made longer', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(2, 0, lines[2] as string)),
  )
  changed('inclusion', 'a byte of the proof', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(3, 1, flip64(lines[3] as string, 7))),
  )
  changed('inclusion', 'spare bits in the proof', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(3, 1, spareBit(lines[3] as string))),
  )
  changed('inclusion', 'lines that end in CR LF', (bundle) => {
    bundle.log.proof = bundle.log.proof.replaceAll('\n', '\r\n')
  })
  changed('inclusion', 'another header', (bundle) =>
    proofLines(bundle, (lines) => lines.splice(0, 1, 'proof@v2')),
  )
  changed('inclusion', 'a checkpoint without signatures', (bundle) => {
    bundle.log.proof = bundle.log.proof.slice(0, bundle.log.proof.indexOf('\n\n— ') + 1)
  })
  changed('inclusion', 'the root of another tree', (bundle) => {
    bundle.log.proof = bundle.log.proof.replace(
      /(\n300\n)(.)/,
      (_, size: string, letter: string) => `${size}${letter === 'A' ? 'B' : 'A'}`,
    )
  })
  add({
    name: 'a record that is not the one in the ledger',
    fails: 'inclusion',
    make: async (sample) => {
      const bundle = await reseal(
        sample,
        () => undefined,
        (record) => put(record, 'credits', 1),
      )
      return { file: fileOf({ ...bundle, log: sample.bundle.log }) }
    },
  })
  const signatureLine = (bundle: Bundle, name: string, edit: (bytes: Uint8Array) => void): void =>
    proofLines(bundle, (lines) => {
      const at = lines.findIndex((line) => line.startsWith(`— ${name} `))
      const bytes = fromBase64((lines[at] as string).split(' ')[2] as string)
      edit(bytes)
      lines[at] = `— ${name} ${toBase64(bytes)}`
    })
  changed('checkpoint', "a byte of the log's signature", (bundle, { logKey }) =>
    signatureLine(bundle, logKey.name, (bytes) => bytes.set([(bytes[10] as number) ^ 1], 10)),
  )
  changed('checkpoint', 'the key id of another log', (bundle, { logKey }) =>
    signatureLine(bundle, logKey.name, (bytes) => bytes.set([(bytes[0] as number) ^ 1], 0)),
  )
  changed(
    'checkpoint',
    'signed by another log key, which is not the pinned one',
    () => undefined,
    (sample) => ({
      logKey: { ...sample.logKey, publicKey: makeKey().publicKey },
    }),
  )
  changed('witnesses', 'a cosignature at another time', (bundle, { witnessKey }) =>
    signatureLine(bundle, witnessKey.name, (bytes) => bytes.set([(bytes[11] as number) ^ 1], 11)),
  )
  changed('witnesses', 'a byte of a cosignature', (bundle, { witnessKey }) =>
    signatureLine(bundle, witnessKey.name, (bytes) => bytes.set([(bytes[40] as number) ^ 1], 40)),
  )
  changed('witnesses', 'the cosignature left out', (bundle, { witnessKey }) =>
    proofLines(bundle, (lines) =>
      lines.splice(
        lines.findIndex((line) => line.startsWith(`— ${witnessKey.name} `)),
        1,
      ),
    ),
  )
  changed(
    'witnesses',
    'one witness where two were asked for',
    () => undefined,
    ({ witnessKey }) => ({
      witnesses: { keys: [witnessKey], needed: 2 },
    }),
  )
  const known = async (sample: Sample, of: Sample, size: number): Promise<Pins> => ({
    checkpoint: await checkpointAt(of.bundle.envelope, size, sample),
  })
  changed(
    'consistency',
    'a fork of the log',
    () => undefined,
    async (sample) => known(sample, await makeSample(), 300),
  )
  changed(
    'consistency',
    'a log that was rolled back',
    () => undefined,
    (sample) => known(sample, sample, 301),
  )
  changed(
    'consistency',
    'a checkpoint of before, and no proof',
    () => undefined,
    (sample) => known(sample, sample, 259),
  )
  changed(
    'consistency',
    'a past that was rewritten',
    (bundle) => {
      const hashes = consistencyProof(259, 300, pastOf(bundle.envelope)).map(toBase64)
      bundle.log.consistency = { old: 259, hashes }
    },
    async (sample) => known(sample, await makeSample(), 259),
  )
  changed(
    'consistency',
    'a consistency proof cut short',
    (bundle) => {
      const hashes = consistencyProof(259, 300, pastOf(bundle.envelope)).map(toBase64)
      bundle.log.consistency = { old: 259, hashes: hashes.slice(1) }
    },
    (sample) => known(sample, sample, 259),
  )
})
