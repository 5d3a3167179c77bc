// `npm run bench -- SUITE`: installs the packages where that is needed, then runs bench/main.ts. Imports no package itself.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { setup } from './setup.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

await setup({ browser: false, quiet: true })
const child = spawn(
  process.execPath,
  ['--import', 'tsx', path.join(ROOT, 'bench/main.ts'), ...process.argv.slice(2)],
  {
    cwd: ROOT,
    stdio: 'inherit',
  },
)
child.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
child.on('close', (code) => {
  process.exitCode = code ?? 1
})
