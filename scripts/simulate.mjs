// `npm run simulate -- --seeds N [--seed S]`: the hub's core in simulated networks (server/hub/simulation).
// `npm run simulate -- ledger [--kills N] [--seed S]`: kills a server that records, beside witnesses (server/evidence).
// `npm run simulate -- trust [--shards N]`: what verification costs and lets through, against what it states.
// `npm run simulate -- --mutants [--seeds N]`: plants known bugs, one at a time, and says after how many seeds each is found.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { MUTANTS } from './simulate-mutants.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Bundles the simulation.
 * @param {string} name of the bundle
 * @param {import('./simulate-mutants.mjs').Mutant} [mutant] a bug to plant
 */
async function bundle(name, mutant) {
  const outfile = path.join(ROOT, 'dist', `${name}.mjs`)
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['server/hub/simulation/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    plugins: mutant === undefined ? [] : [planting(mutant)],
    logLevel: 'error',
  })
  return outfile
}

/**
 * Replaces pieces of source files; a piece that is not there exactly once is an error.
 * @param {import('./simulate-mutants.mjs').Mutant} mutant
 * @returns {import('esbuild').Plugin}
 */
function planting({ name, edits }) {
  return {
    name: 'mutant',
    setup(setup) {
      setup.onLoad({ filter: /[.]ts$/ }, ({ path: loaded }) => {
        const own = edits.filter(({ file }) => path.join(ROOT, file) === loaded)
        if (own.length === 0) return undefined
        let contents = readFileSync(loaded, 'utf8')
        for (const { file, find, replace } of own) {
          if (contents.split(find).length !== 2) throw new Error(`${name}: "${find}" is not once in ${file}`)
          contents = contents.replace(find, () => replace)
        }
        return { contents, loader: 'ts' }
      })
    },
  }
}

const args = process.argv.slice(2)
if (args[0] === 'ledger') {
  const { values } = parseArgs({
    args: args.slice(1),
    options: { kills: { type: 'string', default: '100' }, seed: { type: 'string' } },
  })
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs')
  const file = 'server/evidence/ledger-kills.integration.test.ts'
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'integration', file], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, LEDGER_KILLS: values.kills, ...(values.seed ? { FUZZ_SEED: values.seed } : {}) },
  })
  process.exit(status ?? 1)
}
if (!args.includes('--mutants')) {
  const { status } = spawnSync(process.execPath, [await bundle('simulate'), ...args], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

const rest = args.filter((arg) => arg !== '--mutants')
if (!rest.includes('--seeds')) rest.push('--seeds', '10000')
let missed = 0
for (const mutant of MUTANTS) {
  const file = await bundle('simulate-mutant', mutant)
  const { status, stderr } = spawnSync(process.execPath, [file, ...rest], { encoding: 'utf8' })
  const [first = ''] = stderr.split('\n')
  if (status === 0) missed++
  console.log(status === 0 ? `MISSED  ${mutant.name}` : `found   ${mutant.name}: ${first}`)
}
console.log(`${MUTANTS.length - missed} of ${MUTANTS.length} planted bugs found`)
process.exit(missed === 0 ? 0 : 1)
