import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../../../kernel/base64.ts'
import { FORGERIES } from '../../../kernel/evidence/forgeries.test-support.ts'
import { checkpointAt, fileOf, makeSample, pastOf } from '../../../kernel/evidence/sample.test-support.ts'
import { consistencyProof } from '../../../kernel/merkle-proof.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { bothOn, pinsOf, states } from './agreement.test-support.ts'
import { hasPython, type Request } from './second-verifier.test-support.ts'

/** verify.py accepts and rejects what the kernel does, for the same reasons. */

const python = hasPython()
if (!python) console.log('missing: python3, so the second verifier was not tried')

describe.skipIf(!python)('the second verifier', () => {
  it('accepts honest files as the kernel does', { timeout: 60_000 }, async () => {
    const requests: Request[] = []
    const found = { ...NO_FINDINGS, doubt_single: 0.3, doubt_agreed: 0.002 }
    for (const [mode, findings] of [
      ['quorum', undefined],
      ['none', undefined],
      ['quorum', found],
      ['none', found],
      ['none', { ...found, audits: 1, audits_bad: 1 }],
      ['none', { ...found, audits: 59 }],
      ['none', { ...found, audits: 1_000_000, audits_bad: 60_000 }],
      ['quorum', { ...found, doubt_agreed: 1e9 }],
    ] as const) {
      const sample = await makeSample({ seed: `honest ${mode}`, mode, ...(findings && { findings }) })
      const { bundle } = sample
      const { digests: _, ...bare } = bundle
      const hashes = consistencyProof(259, 300, pastOf(bundle.envelope)).map(toBase64)
      const grown = { ...bundle, log: { ...bundle.log, consistency: { old: 259, hashes } } }
      const checkpoint = await checkpointAt(bundle.envelope, 259, sample)
      requests.push(
        { file: fileOf(bundle), pins: {} },
        { file: JSON.stringify(bundle, null, 2), pins: pinsOf(sample) },
        { file: fileOf(bare), pins: pinsOf(sample) },
        { file: fileOf(grown), pins: { ...pinsOf(sample), checkpoint } },
      )
    }
    for (const [first, second] of await bothOn(requests)) {
      expect(second.checks.filter(({ state }) => state === 'failed')).toEqual([])
      expect([first.verified, second.verified]).toEqual([true, true])
      expect(states(second)).toEqual(states(first))
    }
  })

  it('rejects every forgery at the same check', { timeout: 60_000 }, async () => {
    const sample = await makeSample({ seed: 'forgeries' })
    const requests: Request[] = []
    for (const { make } of FORGERIES) {
      const { file, pins = pinsOf(sample) } = await make(sample)
      requests.push({ file, pins })
    }
    const told = (await bothOn(requests)).map(([first, second], at) => ({
      name: FORGERIES[at]?.name,
      first: states(first),
      second: states(second),
      fails: second.checks.find(({ state }) => state === 'failed')?.id,
      verified: [first.verified, second.verified],
    }))
    expect(told.map(({ name, fails }) => `${name}: ${fails}`)).toEqual(
      FORGERIES.map(({ name, fails }) => `${name}: ${fails}`),
    )
    expect(told.filter(({ first, second }) => first.join() !== second.join())).toEqual([])
    expect(told.filter(({ verified }) => verified.includes(true))).toEqual([])
  })

  it('says by its exit code how it ended', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'evidence-'))
    try {
      const { bundle } = await makeSample({ seed: 'exit' })
      const honest = path.join(folder, 'honest.forge')
      const forged = path.join(folder, 'forged.forge')
      writeFileSync(honest, fileOf(bundle))
      writeFileSync(forged, fileOf({ ...bundle, result: '{}' }))
      const script = fileURLToPath(new URL('verify.py', import.meta.url))
      const run = (...words: string[]) => spawnSync('python3', ['-B', script, ...words], { encoding: 'utf8' })
      const accepted = run('--json', '--hub-key', bundle.keys.hub, '--log-key', bundle.keys.log, honest)
      expect(JSON.parse(accepted.stdout)).toMatchObject({ verified: true })
      expect(
        [accepted, run(forged), run('--hub-key', 'x', honest), run(path.join(folder, 'none'))].map(
          ({ status }) => status,
        ),
      ).toEqual([0, 1, 2, 3])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
