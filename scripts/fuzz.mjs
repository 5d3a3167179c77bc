// Random kernels on the reference, as WASM, and on every WebGPU stack of this machine; the seed is printed.
//
//   npm run fuzz -- --kernels 20000             so many on each
//   npm run fuzz -- --kernels 100 --seed 7      the same again
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureTestStacks } from './webgpu-stacks.mjs'

const { values } = parseArgs({
  options: { kernels: { type: 'string', default: '1000' }, seed: { type: 'string' } },
})
const seed = values.seed ?? String(Date.now() % 2 ** 31)
for (const [name, value] of Object.entries({ kernels: values.kernels, seed })) {
  if (/^[0-9]{1,10}$/.test(value) && Number(value) < 2 ** 31) continue
  console.error(`--${name} is a whole number, not ${value}`)
  process.exit(2)
}
await ensureTestStacks()
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const child = spawn(
  process.execPath,
  [vitest, 'run', '--project', 'executors', 'shaders/compiler/fuzz.executors.test.ts'],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, FUZZ_KERNELS: values.kernels, FUZZ_SEED: seed },
    stdio: 'inherit',
  },
)
child.on('close', (code) => {
  process.exitCode = code ?? 1
})
