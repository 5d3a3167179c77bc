import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('./check-kernel-purity.mjs', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'purity-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('names what differs between engines and lets exact arithmetic pass', () => {
  const impure = [
    "import fs from 'node:fs'",
    'export const a = Math.exp(1)',
    "export const b = Math['log'](2)",
    'const { sin } = Math',
    'export const c = 10 ** -3',
    'export const d = (1.5).toFixed(1)',
  ]
  const pure = [
    'export const e = Math.sqrt(2) + Math.imul(3, 4) + 2 ** 31',
    'export const f = 10n ** 30n // Math.exp',
  ]
  writeFileSync(path.join(folder, 'impure.ts'), impure.join('\n'))
  writeFileSync(path.join(folder, 'pure.ts'), pure.join('\n'))
  const run = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' })
  expect(run.status).toBe(1)
  const lines = [...run.stderr.matchAll(/(\w+)\.ts:(\d+):/g)].map(([, file, line]) => `${file}:${line}`)
  expect(lines).toEqual(impure.map((_, index) => `impure:${index + 1}`))
})
