import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toBase64 } from '../kernel/base64.ts'
import { CHECKS } from '../kernel/evidence/checklist.ts'
import {
  checkpointAt,
  fileOf,
  makeSample,
  pastOf,
  type Sample,
} from '../kernel/evidence/sample.test-support.ts'
import { formatVkey } from '../kernel/ledger/signed-note.ts'
import { consistencyProof } from '../kernel/merkle-proof.ts'
import { runCommand } from './command.test-support.ts'
import { verifyCommand } from './verify.ts'

let folder: string
let sample: Sample
let good: string
const OLD = 259
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'forge-verify-'))
  sample = await makeSample()
  const { bundle } = sample
  const hashes = consistencyProof(OLD, 300, pastOf(bundle.envelope)).map(toBase64)
  good = await file(
    'good.forge',
    fileOf({ ...bundle, log: { ...bundle.log, consistency: { old: OLD, hashes } } }),
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const place = path.join(folder, name)
  await writeFile(place, content)
  return place
}
const verify = (...argv: string[]) => runCommand(verifyCommand, ...argv)

describe('forge verify', () => {
  it('prints each check, and says plainly what the file only says of itself', async () => {
    const { code, out } = await verify(good)
    expect(code).toBe(0)
    for (const title of Object.values(CHECKS)) expect(out).toContain(title)
    expect(out.match(/^✓ /gm)).toHaveLength(Object.keys(CHECKS).length - 2)
    expect(out).toMatch(/^– The ledger kept the past/m)
    expect(out).toContain("Not pinned: the hub's key, the log's key, witnesses, an earlier checkpoint")
    // No colours for a pipe.
    expect(out).not.toContain('\u001b')
  })

  it('passes all checks against everything pinned', async () => {
    const { code, out } = await verify(
      good,
      '--hub-key',
      toBase64(sample.hub.publicKey),
      '--log-key',
      formatVkey(sample.logKey),
      '--witness',
      formatVkey(sample.witnessKey),
      '--checkpoint',
      await file('past', await checkpointAt(sample.bundle.envelope, OLD, sample)),
      '--json',
    )
    const report = JSON.parse(out)
    expect(code).toBe(0)
    expect(report).toMatchObject({
      forge_verify: 1,
      verified: true,
      rejected_by: null,
      not_pinned: [],
      record: { job_id: sample.record.job_id },
    })
    const others = report.checks.filter(({ state }: { state: string }) => state !== 'passed')
    expect(others).toEqual([expect.objectContaining({ id: 'corrections', state: 'skipped' })])
  })

  it('ends with 1 for a forgery and names the check', async () => {
    const changed = await file(
      'changed.forge',
      fileOf({ ...sample.bundle, result: sample.bundle.result.replace('78539816', '78539817') }),
    )
    const { code, out } = await verify(changed)
    expect(code).toBe(1)
    expect(out).toContain('✗ The result')
    expect(out).toContain('Rejected by the check "result"')
    const other = await makeSample()
    const stranger = await verify(good, '--hub-key', toBase64(other.hub.publicKey), '--json')
    expect(stranger.code).toBe(1)
    expect(JSON.parse(stranger.out)).toMatchObject({ verified: false, rejected_by: 'envelope' })
  })

  it('never lets a file write on the terminal', async () => {
    const { code, out } = await verify(
      await file('escape.forge', JSON.stringify({ ...sample.bundle, '\u001b[2J\u202e': 1 })),
    )
    expect(code).toBe(1)
    expect(out).toContain('[2J')
    for (const control of ['\u001b', '\u202e']) expect(out).not.toContain(control)
  })

  it.each([
    ['no file', () => []],
    ['two files', () => [good, good]],
    ['an unknown option', () => [good, '--trust']],
    ['a hub key that is none', () => [good, '--hub-key', 'AAAA']],
    ['an empty key', () => [good, '--log-key', '']],
    ["a witness's key as the log's", () => [good, '--log-key', formatVkey(sample.witnessKey)]],
    [
      'one witness twice',
      () =>
        Array(2)
          .fill(['--witness', formatVkey(sample.witnessKey)])
          .flat()
          .concat(good),
    ],
    ['more witnesses than named', () => [good, '--witnesses-needed', '1']],
    ['a checkpoint that is none', () => [good, '--checkpoint', good]],
  ])('refuses %s with its usage and 2', async (_, argv) => {
    const { code, out, err } = await verify(...argv())
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('Usage: forge verify')
  })

  it('ends with 3 for a file that cannot be read, and 1 for one that is no evidence', async () => {
    expect((await verify(path.join(folder, 'absent'))).code).toBe(3)
    expect((await verify(folder)).code).toBe(3)
    expect((await verify(await file('latin1', Uint8Array.of(0x22, 0xe4, 0x22)))).code).toBe(3)
    expect((await verify(await file('empty', ''))).code).toBe(1)
    expect((await verify(await file('bom', `\ufeff${fileOf(sample.bundle)}`))).code).toBe(1)
  })
})
