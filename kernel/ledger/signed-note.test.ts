import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../base64.ts'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { formatLogProof, formatWitnessRequest, parseLogProof, parseWitnessRequest } from './proof-text.ts'
import {
  COSIGNATURE,
  cosignNote,
  formatSignedNote,
  formatVkey,
  NOTE_SIGNATURE,
  type NoteKey,
  parseSignedNote,
  parseVkey,
  signNote,
  type VerifySignature,
  verifyNote,
} from './signed-note.ts'

function keyOf(privateKey: KeyObject, name: string, type: NoteKey['type']): NoteKey {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { name, type, publicKey: new Uint8Array(Buffer.from(x as string, 'base64url')) }
}

const verifySignature: VerifySignature = (publicKey, message, signature) =>
  verify(
    null,
    message,
    createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
      format: 'jwk',
    }),
    signature,
  )

const log = generateKeyPairSync('ed25519').privateKey
const witness = generateKeyPairSync('ed25519').privateKey
const logKey = keyOf(log, 'log.example/1', NOTE_SIGNATURE)
const witnessKey = keyOf(witness, 'witness.example/w', COSIGNATURE)
const signWith = (key: KeyObject) => (message: Uint8Array) => new Uint8Array(sign(null, message, key))
const root = new Uint8Array(32).fill(9)
const text = formatCheckpoint({ origin: logKey.name, size: 300, root })

async function checkpointNote(): Promise<string> {
  return formatSignedNote({
    text,
    signatures: [
      await signNote(text, logKey, signWith(log)),
      await cosignNote(text, witnessKey, 1_679_315_147, signWith(witness)),
    ],
  })
}

describe('signed notes', () => {
  // The key of Go's checksum database, as its documentation prints it.
  it('reads a key that others made, and writes it alike', () => {
    const vkey = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
    expect(parseVkey(vkey).name).toBe('sum.golang.org')
    expect(formatVkey(parseVkey(vkey))).toBe(vkey)
    expect(() => parseVkey(vkey.replace('033de0ae', '033de0af'))).toThrow('its hash is not')
  })

  it('carries the signature of the log and the cosignature of a witness', async () => {
    const note = parseSignedNote(await checkpointNote())
    expect(note.text).toBe(text)
    expect(parseCheckpoint(note.text)).toEqual({ origin: 'log.example/1', size: 300, root })
    expect(await verifyNote(note, logKey, verifySignature)).toEqual({ state: 'valid', time: undefined })
    expect(await verifyNote(note, witnessKey, verifySignature)).toEqual({
      state: 'valid',
      time: 1_679_315_147n,
    })
  })

  it('ignores keys it does not know, and calls a known key with another signature wrong', async () => {
    const note = parseSignedNote(await checkpointNote())
    const stranger = keyOf(generateKeyPairSync('ed25519').privateKey, logKey.name, NOTE_SIGNATURE)
    expect((await verifyNote(note, stranger, verifySignature)).state).toBe('absent')
    const other = { ...note, text: formatCheckpoint({ origin: logKey.name, size: 301, root }) }
    expect((await verifyNote(other, logKey, verifySignature)).state).toBe('invalid')
    expect((await verifyNote(other, witnessKey, verifySignature)).state).toBe('invalid')
  })

  it.each([
    ['no signature', (note: string) => note.slice(0, note.indexOf('\n\n') + 1)],
    ['no final newline', (note: string) => note.slice(0, -1)],
    ['a carriage return', (note: string) => note.replace('\n300', '\r\n300')],
    ['a hyphen for the dash', (note: string) => note.replaceAll('— ', '- ')],
    ['two spaces', (note: string) => note.replaceAll('— ', '—  ')],
    ['a name with a plus', (note: string) => note.replaceAll('log.example/1 ', 'log+1 ')],
    ['a torn signature', (note: string) => note.replace(/(— \S+ \S{4})\S+/u, '$1')],
  ])('refuses a note with %s', async (_, change) => {
    const note = change(await checkpointNote())
    expect(() => parseSignedNote(note)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })

  it.each([
    ['a leading zero', `log.example/1\n0300\n${toBase64(root)}\n`],
    ['a sign', `log.example/1\n+300\n${toBase64(root)}\n`],
    ['a size above 2^53', `log.example/1\n9007199254740993\n${toBase64(root)}\n`],
    ['a short root', `log.example/1\n300\n${toBase64(root.subarray(1))}\n`],
    ['an extension', `log.example/1\n300\n${toBase64(root)}\nmore\n`],
    ['no origin', `\n300\n${toBase64(root)}\n`],
  ])('refuses a checkpoint with %s', (_, broken) => {
    expect(() => parseCheckpoint(broken)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})

describe('proofs as text', () => {
  it('come back as they went', async () => {
    const checkpoint = await checkpointNote()
    const proof = { index: 73_894, hashes: [root, new Uint8Array(32)], checkpoint }
    expect(parseLogProof(formatLogProof(proof))).toEqual(proof)
    expect(parseLogProof(formatLogProof({ ...proof, hashes: [] }))).toEqual({ ...proof, hashes: [] })
    const request = { old: 0, hashes: [], checkpoint }
    expect(formatWitnessRequest(request).startsWith('old 0\n\nlog.example/1\n')).toBe(true)
    expect(parseWitnessRequest(formatWitnessRequest({ ...request, old: 7, hashes: [root] }))).toEqual({
      old: 7,
      hashes: [root],
      checkpoint,
    })
  })

  it('skip extra data', async () => {
    const checkpoint = await checkpointNote()
    const text = formatLogProof({ index: 1, hashes: [root], checkpoint }).replace(
      '\nindex',
      '\nextra YWdl\nindex',
    )
    expect(parseLogProof(text).index).toBe(1)
  })

  it.each([
    ['another header', (text: string) => text.replace('@v1', '@v2')],
    ['no index', (text: string) => text.replace(/index \d+\n/, '')],
    ['an index with a leading zero', (text: string) => text.replace('index 1', 'index 01')],
    ['a short hash', (text: string) => text.replace(toBase64(root), toBase64(root.subarray(1)))],
    ['64 hashes', (text: string) => text.replace(toBase64(root), Array(64).fill(toBase64(root)).join('\n'))],
  ])('refuse %s', async (_, change) => {
    const text = formatLogProof({ index: 1, hashes: [root], checkpoint: await checkpointNote() })
    expect(() => parseLogProof(change(text))).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})
