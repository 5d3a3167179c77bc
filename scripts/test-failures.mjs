// Which tests failed and why, from the reports of Vitest and Playwright: said once more at the end of `npm test`, where
// hours of output are above it, or are cut off.
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/**
 * @typedef {{test: string, message: string}} Failure
 * @typedef {{name: string, status: string, message: string,
 *   assertionResults: {status: string, fullName: string, failureMessages?: string[] | null}[]}} VitestFile
 * @typedef {{file: string, specs: {title: string, file: string, line: number, ok: boolean,
 *   tests: {projectName: string, results: {error?: {message?: string}}[]}[]}[],
 *   suites?: PlaywrightSuite[]}} PlaywrightSuite
 */

/** Lines of one failure; the whole of it stands where the suite ran. */
const MESSAGE_LINES = 12
/** A broken build fails everything for one reason. */
const FAILURES_SHOWN = 20

/**
 * @param {VitestFile[]} files as in the JSON report
 * @param {string} root paths are shown from here
 * @returns {Failure[]} failed tests, and files that broke before any test of theirs could
 */
export function vitestFailures(files, root) {
  return files.flatMap(({ name, status, message, assertionResults }) => {
    const file = path.relative(root, name)
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [{ test: file, message }] : []
    return failed.map(({ fullName, failureMessages }) => ({
      test: `${file} › ${fullName}`,
      message: (failureMessages ?? []).join('\n'),
    }))
  })
}

/**
 * @param {PlaywrightSuite[]} suites as in the JSON report
 * @returns {Failure[]} a test that failed once and then passed is one of them
 */
export function playwrightFailures(suites) {
  return suites.flatMap(({ specs, suites: inner }) => [
    ...specs.flatMap(({ title, file, line, tests }) =>
      tests.flatMap(({ projectName, results }) => {
        const error = results.find((result) => result.error !== undefined)?.error
        if (error === undefined) return []
        return [{ test: `[${projectName}] ${file}:${line} › ${title}`, message: error.message ?? '' }]
      }),
    ),
    ...playwrightFailures(inner ?? []),
  ])
}

/**
 * @param {string} suite
 * @param {readonly Failure[]} failures none where the suite is a command that says itself what is wrong
 */
export function printFailures(suite, failures) {
  console.log(`\nFailed in ${suite}${failures.length === 0 ? ': see its output above' : ':'}`)
  for (const { test, message } of failures.slice(0, FAILURES_SHOWN)) {
    console.log(`  ${test}`)
    const lines = stripVTControlCharacters(message).split('\n')
    for (const line of lines.slice(0, MESSAGE_LINES)) console.log(`      ${line.trimEnd()}`)
  }
  const more = failures.length - FAILURES_SHOWN
  if (more > 0) console.log(`  and ${more} more`)
}
