import process from 'node:process'
import { ForgeError } from '../../kernel/errors.ts'

/** Runs an operator's command: help on request, its own exit code, 2 with one line for whatever it throws. */
export async function runTool(
  help: string,
  main: (argv: readonly string[]) => Promise<number>,
): Promise<void> {
  const argv = process.argv.slice(2)
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help)
    return
  }
  try {
    process.exitCode = await main(argv)
  } catch (error) {
    const hint = error instanceof ForgeError && error.hint !== undefined ? ` ${error.hint}` : ''
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}.${hint}\n`)
    process.exitCode = 2
  }
}
