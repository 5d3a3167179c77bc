// `npm run demo`: sets everything up in a fresh clone, then runs demo/main.ts. Imports no package itself.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { setup } from './setup.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * @param {string[]} args
 * @param {'inherit' | 'stderr'} output
 * @returns {Promise<number>} exit code
 */
function node(args, output) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', output === 'inherit' ? 'inherit' : process.stderr, 'inherit'],
  })
  // Ctrl-C reaches the child by the terminal; other signals are handed on. Either way it ends in its own time.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

const args = process.argv.slice(2)
if (!args.includes('--help') && !args.includes('-h')) {
  await setup({ browser: true, quiet: true })
  const built = await node([path.join(ROOT, 'scripts/build.mjs')], 'stderr')
  if (built !== 0) process.exit(built)
} else {
  await setup({ browser: false, quiet: true })
}
process.exit(await node(['--import', 'tsx', path.join(ROOT, 'demo/main.ts'), ...args], 'inherit'))
