// What the project's checks and test suites are, and how each is run and counted.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from './nats.mjs'
import { playwrightFailures, printFailures, vitestFailures } from './test-failures.mjs'

/** @typedef {import('./test-failures.mjs').Failure} Failure */
/**
 * @typedef {{passed: number, failed: number, skipped: number, failures?: Failure[]}} Counts
 * @typedef {{name: string, seconds: number} & Counts} SuiteResult
 * @typedef {{name: string, run: () => Promise<Counts>}} Suite
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BIN = path.join(ROOT, 'node_modules/.bin')
const REPORTS = path.join(ROOT, 'test-results')
/** A suite that runs longer hangs. */
const SUITE_TIMEOUT_MS = 30 * 60_000
const TORMENT_TIMEOUT_MS = 10 * 60_000
const ROOMS = ['app', 'agent-runtime', 'bench', 'cli', 'e2e', 'kernel', 'scripts', 'server', 'shaders']

/** @param {string} relative */
const exists = (relative) => existsSync(path.join(ROOT, relative))
const PASSED = { passed: 1, failed: 0, skipped: 0 }
const FAILED = { passed: 0, failed: 1, skipped: 0 }

/**
 * Runs a command with its output on ours, in its own process group, so that a time-out also ends what it started.
 * @param {string} command
 * @param {string[]} args
 * @param {number} [limit_ms] after which it is stopped
 * @returns {Promise<boolean>} whether it exited with 0
 */
function succeeds(command, args, limit_ms = SUITE_TIMEOUT_MS) {
  return new Promise((resolve) => {
    const ownGroup = process.platform !== 'win32'
    const child = spawn(command, args, {
      cwd: ROOT,
      detached: ownGroup,
      shell: process.platform === 'win32',
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        NEXT_TELEMETRY_DISABLED: '1',
        PATH: `${BIN}${path.delimiter}${process.env.PATH ?? ''}`,
      },
    })
    const stop = () => {
      if (child.pid === undefined) return
      try {
        process.kill(ownGroup ? -child.pid : child.pid, 'SIGTERM')
      } catch {
        // it has ended by itself
      }
    }
    const interrupted = () => {
      stop()
      process.exit(130)
    }
    const timer = setTimeout(() => {
      console.error(`${command} ran longer than ${limit_ms / 60_000} minutes and was stopped`)
      stop()
    }, limit_ms)
    process.once('SIGINT', interrupted)
    process.once('SIGTERM', interrupted)
    /** @param {boolean} ok */
    const done = (ok) => {
      clearTimeout(timer)
      process.off('SIGINT', interrupted)
      process.off('SIGTERM', interrupted)
      resolve(ok)
    }
    child.on('error', (error) => {
      console.error(error.message)
      done(false)
    })
    child.on('close', (code) => done(code === 0))
  })
}

/**
 * A check that passes or fails as a whole.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @returns {Suite}
 */
function check(name, command, args) {
  return { name, run: async () => ((await succeeds(command, args)) ? PASSED : FAILED) }
}

/**
 * Reads a JSON report, or undefined when the suite died before writing one.
 * @param {string} file
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * One project of vitest.config.ts.
 * @param {string} project
 * @returns {Suite}
 */
function vitest(project) {
  const report = path.join(REPORTS, `${project}.json`)
  return {
    name: project,
    run: async () => {
      rmSync(report, { force: true })
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
      const ok = await succeeds('vitest', ['run', '--project', project, ...reporters])
      /** @type {{numPassedTests: number, numFailedTests: number, numPendingTests: number,
       *   testResults: import('./test-failures.mjs').VitestFile[]} | undefined} */
      const json = readReport(report)
      if (json === undefined) return FAILED
      // A file that breaks while loading has no failed test to show: count the file.
      const brokenFiles = json.testResults.filter(
        (file) =>
          file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
      ).length
      const failed = json.numFailedTests + brokenFiles
      return {
        passed: json.numPassedTests,
        // An unhandled rejection outside any test fails the run and nothing else.
        failed: failed === 0 && !ok ? 1 : failed,
        skipped: json.numPendingTests,
        failures: vitestFailures(json.testResults, ROOT),
      }
    },
  }
}

/** @returns {Suite} */
function endToEnd() {
  const report = path.join(REPORTS, 'e2e.json')
  return {
    name: 'e2e',
    run: async () => {
      rmSync(report, { force: true })
      const ok = await succeeds('playwright', ['test'])
      /** @type {{stats: {expected: number, unexpected: number, flaky: number, skipped: number},
       *   suites: import('./test-failures.mjs').PlaywrightSuite[]} | undefined} */
      const json = readReport(report)
      if (json === undefined) return FAILED
      const { expected, unexpected, flaky, skipped } = json.stats
      return {
        passed: expected,
        failed: unexpected + flaky || (ok ? 0 : 1),
        skipped,
        failures: playwrightFailures(json.suites),
      }
    },
  }
}

/**
 * Two hubs of one database, whose processes are killed while they work: the same digests, evidence, ledger and money as without.
 * Its last line names the seed, by which `npm run cluster` does the same again.
 * @returns {Suite}
 */
function torment() {
  const hasNats = findNatsServer() !== undefined
  if (!hasNats) console.log('missing: nats-server: no NATS node is killed (apt-get install nats-server)')
  const kills = ['--torment', '4', '--hubs', '2', '--shards', '60', '--seed', '11']
  const args = ['scripts/cluster.mjs', ...kills, ...(hasNats ? [] : ['--without-nats'])]
  return {
    name: 'killed processes',
    run: async () => ((await succeeds('node', args, TORMENT_TIMEOUT_MS)) ? PASSED : FAILED),
  }
}

/** @param {string} name */
function hasNpmScript(name) {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  return typeof manifest.scripts?.[name] === 'string'
}

/**
 * Content of everything that git tracks or would track, by path; empty where this is no git checkout.
 * @returns {Map<string, string>}
 */
function snapshot() {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const files =
    listed.status === 0 ? listed.stdout.split('\0').filter((file) => file !== '' && exists(file)) : []
  return new Map(
    files.map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(path.join(ROOT, file)))
        .digest('hex'),
    ]),
  )
}

/**
 * `npm run generate` must change no committed file.
 * @returns {Suite}
 */
function generate() {
  return {
    name: 'generated files up to date',
    run: async () => {
      const before = snapshot()
      if (!(await succeeds('npm', ['run', '--silent', 'generate']))) return FAILED
      const changed = [...snapshot()]
        .filter(([file, hash]) => before.get(file) !== hash)
        .map(([file]) => file)
      for (const file of changed)
        console.error(`${file} was not up to date: commit what npm run generate wrote`)
      return changed.length === 0 ? PASSED : FAILED
    },
  }
}

/** Static checks, as in `npm run check`. */
export function staticChecks() {
  const rooms = ROOMS.filter(exists)
  return [
    check('types', 'tsc', ['--noEmit']),
    check('lint and formatting', 'biome', ['ci', '--max-diagnostics=50']),
    check('kernel purity', 'node', ['scripts/check-kernel-purity.mjs']),
    check('dependency rules', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...rooms]),
    check('dead code', 'knip', ['--no-progress']),
  ]
}

/** Tests that need no browser, database or driver. */
export function quickSuites() {
  return [vitest('unit')]
}

/** Everything, in the order of growing cost. A suite is absent only while the room that it tests is. */
export function allSuites() {
  return [
    ...(hasNpmScript('generate') ? [generate()] : []),
    ...staticChecks(),
    ...(hasNpmScript('build') ? [check('build', 'npm', ['run', '--silent', 'build'])] : []),
    ...quickSuites(),
    ...(exists('agent-runtime') ? [vitest('executors')] : []),
    ...(exists('server') ? [vitest('integration'), torment()] : []),
    ...(exists('e2e') ? [endToEnd()] : []),
  ]
}

/**
 * Runs the suites in turn, whatever fails, then prints what failed, a table, and the totals on the last line.
 * @param {Suite[]} suites
 * @returns {Promise<boolean>} whether nothing failed
 */
export async function runSuites(suites) {
  mkdirSync(REPORTS, { recursive: true })
  /** @type {SuiteResult[]} */
  const results = []
  for (const { name, run } of suites) {
    console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 76 - name.length))}`)
    const start = performance.now()
    const counts = await run()
    results.push({ name, ...counts, seconds: (performance.now() - start) / 1000 })
  }
  for (const { name, failed, failures } of results) if (failed > 0) printFailures(name, failures ?? [])
  printTable(results)
  const sum = (/** @type {'passed' | 'failed'} */ key) =>
    results.reduce((total, result) => total + result[key], 0)
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
  return sum('failed') === 0
}

/** @param {SuiteResult[]} results */
function printTable(results) {
  const width = Math.max(...results.map(({ name }) => name.length), 5)
  const row = (/** @type {string[]} */ [name = '', ...cells]) =>
    `${name.padEnd(width)}  ${cells.map((cell) => cell.padStart(8)).join(' ')}`
  console.log(`\n${row(['suite', 'passed', 'failed', 'skipped', 'seconds'])}`)
  for (const { name, passed, failed, skipped, seconds } of results) {
    console.log(row([name, String(passed), String(failed), String(skipped), seconds.toFixed(1)]))
  }
  console.log('')
}
