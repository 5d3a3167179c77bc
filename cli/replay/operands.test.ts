import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import { runCommand } from '../command.test-support.ts'
import { replayCommand } from './command.ts'
import { writeRealEvidence } from './real-evidence.test-support.ts'

/** Replays of a job with inputs, which evidence names by digest only. */

const SIDE = 24
const a = new Uint8Array(randomBytes(SIDE * SIDE))
const b = new Uint8Array(randomBytes(SIDE * SIDE))
const operand = (bytes: Uint8Array) => ({ digest: sha256Hex(bytes), dtype: 'int8', shape: [SIDE, SIDE] })

let folder: string
let evidence: string
const replay = (...words: string[]) =>
  runCommand(replayCommand, evidence, '--shards', 'all', '--threads', '1', ...words)
const store = async (bytes: Uint8Array, ...place: string[]): Promise<string> => {
  const file = path.join(folder, ...place)
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, bytes)
  return file
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'forge-operands-'))
  const contract = {
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: {},
    inputs: { a: operand(a), b: operand(b) },
    seed: { mode: 'derived' },
  }
  const inputs = new Map([
    ['a', a],
    ['b', b],
  ])
  evidence = await writeRealEvidence(folder, contract, inputs)
})
afterAll(() => rm(folder, { recursive: true }))

describe('a replay of a job with inputs', () => {
  it('takes them from files, by name', async () => {
    const [fileA, fileB] = [await store(a, 'named', 'a.bin'), await store(b, 'named', 'b.bin')]
    const { code, out } = await replay('--input', `a=${fileA}`, '--input', `b=${fileB}`, '--json')
    expect(JSON.parse(out)).toMatchObject({ verified: true, equal: true, whole: { equal: true } })
    expect(code).toBe(0)
    const swapped = await replay('--input', `a=${fileB}`, '--input', `b=${fileA}`)
    expect(swapped.code).toBe(3)
    expect(swapped.err).toContain('the input a has other bytes')
    expect((await replay('--input', `c=${fileA}`)).code).toBe(2)
  })

  it('takes them from a folder, by digest, as they lie or as a server keeps them', async () => {
    const [inA, inB] = [sha256Hex(a), sha256Hex(b)]
    await store(a, 'flat', inA)
    const half = await replay('--blobs', path.join(folder, 'flat'))
    expect(half.code).toBe(3)
    expect(half.err).toContain(`the input b (SHA-256 ${inB}) is not here`)
    await store(b, 'flat', inB)
    expect((await replay('--blobs', path.join(folder, 'flat'))).code).toBe(0)
    await store(a, 'kept', inA.slice(0, 2), inA.slice(2, 4), inA)
    await store(b, 'kept', inB.slice(0, 2), inB.slice(2, 4), inB)
    expect((await replay('--blobs', path.join(folder, 'kept'))).code).toBe(0)
    // A file that is named goes before the folder.
    const bent = await store(
      a.map((byte) => byte ^ 1),
      'named',
      'bent.bin',
    )
    const refused = await replay('--blobs', path.join(folder, 'kept'), '--input', `a=${bent}`)
    expect(refused.code).toBe(3)
  })

  it('does not begin without them', async () => {
    const { code, err } = await replay()
    expect(code).toBe(3)
    expect(err).toContain('--input NAME=FILE')
  })
})
