// `npm test`: installs what is missing, runs every check and suite, and ends with the line "N passed, N failed".
//
//   npm test              everything
//   npm run test:quick    unit tests only
//   npm run check         static checks only
import { ensureNatsServer } from './nats.mjs'
import { ensureNginx } from './nginx.mjs'
import { setup } from './setup.mjs'
import { allSuites, quickSuites, runSuites, staticChecks } from './suites.mjs'
import { ensureTestStacks } from './webgpu-stacks.mjs'

const mode = process.argv[2] ?? '--all'
try {
  await setup({ browser: mode === '--all' })
  if (mode === '--all') {
    const { missing } = await ensureTestStacks()
    for (const { what, how } of missing) console.log(`setup: not here: ${what} (${how})`)
    for (const program of [await ensureNatsServer(), await ensureNginx()])
      if (!program.found) console.log(`setup: not here: ${program.what} (${program.how})`)
  }
  const suites = { '--all': allSuites, '--quick': quickSuites, '--check': staticChecks }[mode]
  if (suites === undefined) throw new Error(`unknown option ${mode}: use --all, --quick or --check`)
  process.exitCode = (await runSuites(suites())) ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.log('0 passed, 1 failed')
  process.exitCode = 1
}
