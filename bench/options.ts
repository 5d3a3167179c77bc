import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Suite } from './suite.ts'

export interface BenchOptions {
  readonly suite: Suite
  readonly only: ReadonlySet<string>
  readonly rounds: number
  readonly soak: boolean
  readonly output: 'table' | 'json' | 'markdown'
}

/** An odd number of rounds has a median that was measured. */
const ROUNDS = { default: 7, max: 99 }

export function helpText(suites: readonly Suite[]): string {
  return `Usage: npm run bench -- SUITE [options]

Suites:
${suites.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`).join('\n')}

Options:
  --json         print one JSON object on standard output (all else goes to standard error)
  --markdown     print the table as Markdown, and put it into docs/benchmarks.md when the whole suite ran and is valid
  --only A,B     run only these ids, or those that begin with A or B
  --rounds N     interleaved pairs of each row, 1 to ${ROUNDS.max}; default ${ROUNDS.default}
  --soak         also what takes ten minutes: the hub under bad input
  --list         print the suite's ids
  -h, --help     this text

Exit code: 0 when every row is valid, 1 when one is not, 2 for a command that makes no sense. A bar that is missed is
a result, and says so in the table.
`
}

/** What was asked for that is not a run. */
export type Asked = { readonly print: string } | BenchOptions

/** @throws Error with the reason, for a command that makes no sense */
export function parseOptions(argv: readonly string[], suites: readonly Suite[]): Asked {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string', default: String(ROUNDS.default) },
      soak: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return { print: helpText(suites) }
  const known = suites.map(({ name }) => name).join(', ')
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) throw new Error(`name one suite: ${known}`)
  const suite = suites.find((candidate) => candidate.name === name)
  if (suite === undefined) throw new Error(`there is no suite ${JSON.stringify(name.slice(0, 40))}: ${known}`)
  if (values.list) return { print: `${suite.ids().join('\n')}\n` }
  if (values.json && values.markdown) throw new Error('--json or --markdown, not both')
  const rounds = z.coerce.number().int().min(1).max(ROUNDS.max).safeParse(values.rounds)
  if (!rounds.success) throw new Error(`--rounds: a whole number from 1 to ${ROUNDS.max}`)
  return {
    suite,
    only: selected(suite, values.only),
    rounds: rounds.data,
    soak: values.soak,
    output: values.json ? 'json' : values.markdown ? 'markdown' : 'table',
  }
}

function selected(suite: Suite, only: string | undefined): ReadonlySet<string> {
  const ids = suite.ids()
  if (only === undefined) return new Set(ids)
  return new Set(
    only.split(',').flatMap((wish) => {
      const found = ids.filter((id) => id === wish)
      const begun = ids.filter((id) => wish !== '' && id.startsWith(wish))
      if (begun.length === 0)
        throw new Error(`${suite.name} has no id ${JSON.stringify(wish)}: ${ids.join(', ')}`)
      return found.length > 0 ? found : begun
    }),
  )
}
