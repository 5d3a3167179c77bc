// `npm run fuzz:evidence -- --files N [--seed S]`: N damaged evidence files before both verifiers (docs/spec/reference).
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: { files: { type: 'string', default: '10000' }, seed: { type: 'string' } },
})
if (!/^[1-9][0-9]{0,8}$/.test(values.files) || !/^[0-9]{0,10}$/.test(values.seed ?? '')) {
  console.error('usage: npm run fuzz:evidence -- --files N [--seed S]')
  process.exit(2)
}
const { status } = spawnSync(
  process.execPath,
  [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    'unit',
    'docs/spec/reference/fuzz.test.ts',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FUZZ_FILES: values.files, ...(values.seed ? { FUZZ_SEED: values.seed } : {}) },
  },
)
process.exit(status ?? 1)
