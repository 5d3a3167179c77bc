import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describeMachine, loadWarning } from './machine.ts'
import { type BenchOptions, parseOptions } from './options.ts'
import { humanTable, isValid, markdownTable, type Report, reportOf, withTable } from './report.ts'
import type { Row } from './suite.ts'
import { SUITES } from './suites.ts'

const DOCUMENT = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))

const say = (line: string) => process.stderr.write(`${line}\n`)

/** Results on standard output, everything else on standard error. @returns exit code */
async function main(argv: readonly string[]): Promise<number> {
  let asked: ReturnType<typeof parseOptions>
  try {
    asked = parseOptions(argv, SUITES)
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)} (npm run bench -- --help)`)
    return 2
  }
  if ('print' in asked) {
    process.stdout.write(asked.print)
    return 0
  }
  const { suite, only, rounds, soak, output } = asked
  const machine = describeMachine(rounds)
  const warning = loadWarning(machine)
  if (warning !== undefined) say(`warning: ${warning}`)
  const { rows, adapters } = await suite.run({ only, rounds, soak, say })
  const report = reportOf(suite.name, { ...machine, adapters: [...adapters] }, rows)
  const valid = isValid(rows)
  if (output === 'json') process.stdout.write(`${JSON.stringify(report)}\n`)
  else if (output === 'table') process.stdout.write(`\n${humanTable(rows)}\n`)
  else await publish(asked, report, rows, valid)
  if (!valid) say('This run is invalid: see the rows above.')
  return valid ? 0 : 1
}

async function publish({ suite, only }: BenchOptions, report: Report, rows: readonly Row[], valid: boolean) {
  const table = markdownTable(report, rows)
  process.stdout.write(`${table}\n`)
  if (!valid || only.size < suite.ids().length) {
    say('docs/benchmarks.md is left as it is: it takes only whole and valid runs.')
    return
  }
  await writeFile(DOCUMENT, withTable(await readFile(DOCUMENT, 'utf8'), suite.name, table))
  say('docs/benchmarks.md has the new table.')
}

process.exit(await main(process.argv.slice(2)))
