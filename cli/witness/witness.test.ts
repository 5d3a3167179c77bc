import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Envelope } from '../../kernel/evidence/envelope.ts'
import {
  checkpointAt,
  makeKey,
  makeSample,
  pastOf,
  type Sample,
} from '../../kernel/evidence/sample.test-support.ts'
import { formatWitnessRequest } from '../../kernel/ledger/proof-text.ts'
import {
  COSIGNATURE,
  parseSignatureLine,
  parseSignedNote,
  verifyNote,
} from '../../kernel/ledger/signed-note.ts'
import { consistencyProof } from '../../kernel/merkle-proof.ts'
import { runCommand } from '../command.test-support.ts'
import { verifySignature } from '../ed25519.ts'
import { witnessCommand } from './command.ts'
import { serveWitness, type WitnessServer } from './server.ts'
import { openStateFile, type StateFile } from './state-file.ts'
import { Witness } from './witness.ts'

const NOW = 1_795_000_123
const own = makeKey()
const key = { name: 'witness.example/own', type: COSIGNATURE, publicKey: own.publicKey } as const

let folder: string
let file: string
let sample: Sample
/** Another log under the same key: it differs from entry 257 on. */
let fork: Sample
const open: { server: WitnessServer; state: StateFile }[] = []

beforeAll(async () => {
  sample = await makeSample()
  fork = await makeSample()
})
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'forge-witness-'))
  file = path.join(folder, 'state.json')
  return async () => {
    await end()
    await rm(folder, { recursive: true, force: true })
  }
})
const end = async () => {
  for (const { server, state } of open.splice(0)) {
    await server.close()
    await state.release()
  }
}

async function start(): Promise<string> {
  const state = await openStateFile(file)
  const witness = new Witness({
    key,
    sign: own.sign,
    logs: [sample.logKey],
    state,
    verifySignature,
    now: () => NOW,
  })
  const server = await serveWitness(witness, { host: '127.0.0.1', port: 0 }, (error) => {
    throw error
  })
  open.push({ server, state })
  return server.url
}

const post = async (url: string, body: string | Uint8Array<ArrayBuffer>) => {
  const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

async function request(old: number, size: number, of: Envelope = sample.bundle.envelope): Promise<string> {
  return formatWitnessRequest({
    old,
    hashes: consistencyProof(Math.min(old, size), size, pastOf(of)),
    checkpoint: await checkpointAt(of, size, sample),
  })
}

describe('a witness', () => {
  it('cosigns what grows, with its key and its time', async () => {
    const url = await start()
    for (const [old, size] of [
      [0, 259],
      [259, 300],
      [300, 300],
      [300, 1025],
    ] as const) {
      const answer = await post(url, await request(old, size))
      expect(answer).toMatchObject({
        status: 200,
        text: expect.stringMatching(/^— witness\.example\/own \S+\n$/),
      })
      const { text } = parseSignedNote(await checkpointAt(sample.bundle.envelope, size, sample))
      const signatures = [parseSignatureLine(answer.text.trimEnd())]
      expect(await verifyNote({ text, signatures }, key, verifySignature)).toEqual({
        state: 'valid',
        time: BigInt(NOW),
      })
    }
  })

  it('remembers its last size over a restart, and shows it to whoever begins elsewhere', async () => {
    await post(await start(), await request(0, 300))
    await end()
    const url = await start()
    for (const [old, size] of [
      [0, 300],
      [259, 300],
      [0, 259],
    ] as const)
      expect(await post(url, await request(old, size))).toEqual({
        status: 409,
        type: 'text/x.tlog.size',
        text: '300\n',
      })
    expect((await post(url, await request(300, 301))).status).toBe(200)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      logs: { [sample.logKey.name]: { size: 301 } },
    })
  })

  it('never cosigns a fork', async () => {
    const url = await start()
    await post(url, await request(0, 300))
    // Another tree of the same size, a longer one that does not contain the first, and one with a proof of the wrong length.
    expect(await post(url, await request(300, 300, fork.bundle.envelope))).toMatchObject({
      status: 409,
      text: '300\n',
    })
    expect((await post(url, await request(300, 400, fork.bundle.envelope))).status).toBe(422)
    const torn = (await request(300, 400)).split('\n').toSpliced(1, 1).join('\n')
    expect((await post(url, torn)).status).toBe(422)
    expect((await post(url, await request(300, 400))).status).toBe(200)
  })

  it('cosigns one of two forks that arrive at once', async () => {
    const url = await start()
    await post(url, await request(0, 257))
    const answers = await Promise.all([
      post(url, await request(257, 300)),
      post(url, await request(257, 300, fork.bundle.envelope)),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  })

  it('refuses what the log has not signed, other logs, and what is malformed', async () => {
    const url = await start()
    const good = await request(0, 300)
    const stranger = { ...sample, log: makeKey() }
    const forged = formatWitnessRequest({
      old: 0,
      hashes: [],
      checkpoint: await checkpointAt(sample.bundle.envelope, 300, stranger),
    })
    expect((await post(url, forged)).status).toBe(403)
    expect((await post(url, good.replace('\n300\n', '\n301\n'))).status).toBe(403)
    expect((await post(url, good.replaceAll(sample.logKey.name, 'other.example'))).status).toBe(404)
    expect((await post(url, good.replace('old 0', 'old 301'))).status).toBe(400)
    for (const body of ['', 'old 0\n\n', good.slice(0, -1), good.replace('old 0', 'old 00'), `\ufeff${good}`])
      expect((await post(url, body)).status).toBe(400)
    expect((await post(url, Uint8Array.of(0xff, 0xfe))).status).toBe(400)
    expect((await post(url, 'a'.repeat(80_000))).status).toBe(413)
    expect((await fetch(`${url}/add-checkpoint`)).status).toBe(405)
    expect((await fetch(url)).status).toBe(404)
    // None of it was taken for the past.
    expect((await post(url, good)).status).toBe(200)
  })

  it('holds its state alone, and refuses a damaged one', async () => {
    await post(await start(), await request(0, 300))
    await expect(openStateFile(file)).rejects.toMatchObject({ code: 'CONFLICT' })
    await end()
    await writeFile(file, '{"witness_state":1,"logs":{"x":{"size":-1}}}')
    await expect(openStateFile(file)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  })
})

describe('forge witness', () => {
  const options = (...more: string[]) => [
    '--listen',
    '0',
    '--name',
    'w',
    '--key-file',
    path.join(folder, 'key'),
    ...more,
  ]

  it('does not go on with an old key and a lost state', async () => {
    await writeFile(path.join(folder, 'key'), `${'0'.repeat(64)}\n`, { mode: 0o600 })
    const { formatVkey } = await import('../../kernel/ledger/signed-note.ts')
    const { code, err } = await runCommand(
      witnessCommand,
      ...options('--state', file, '--log', formatVkey(sample.logKey)),
    )
    expect(code).toBe(3)
    expect(err).toContain('Restore the state')
  })

  it.each([
    ['no state', () => options()],
    ['no log', () => options('--state', file)],
    ['a log that is none', () => options('--state', file, '--log', 'x')],
    ['a name with a space', () => [...options('--state', file), '--name', 'a b']],
  ])('refuses %s with 2', async (_, argv) => {
    expect((await runCommand(witnessCommand, ...argv())).code).toBe(2)
  })
})

afterAll(end)
