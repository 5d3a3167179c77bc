#!/usr/bin/env node
import process from 'node:process'
import { agentCommand } from '../agent-runtime/headless/command.ts'
import { SOFTWARE } from '../agent-runtime/version.ts'
import manifest from '../package.json' with { type: 'json' }

const HELP = `Usage: forge COMMAND [options]

Commands:
  agent         contribute this machine's processor or GPU: forge agent --help

Options:
  -h, --help    this text
  --version     versions of forge and of its agent
`

/** @returns exit code: 2 for a command or option that does not exist, else the command's own */
async function forge([command, ...rest]: readonly string[]): Promise<number> {
  switch (command) {
    case 'agent':
      return agentCommand('forge agent', rest)
    case '-h':
    case '--help':
      process.stdout.write(HELP)
      return 0
    case '--version':
      process.stdout.write(`forge ${manifest.version}, ${SOFTWARE}\n`)
      return 0
    case undefined:
      process.stderr.write(HELP)
      return 2
    default:
      process.stderr.write(`forge has no command ${JSON.stringify(command.slice(0, 80))}\n\n${HELP}`)
      return 2
  }
}

process.exit(await forge(process.argv.slice(2)))
