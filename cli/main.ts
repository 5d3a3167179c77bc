#!/usr/bin/env node
import process from 'node:process'

const HELP = `Usage: forge COMMAND [options]

Commands:
  agent         contribute this machine's processor or GPU: forge agent --help
  verify        check an evidence file, offline: forge verify --help
  replay        execute a job's shards again and compare: forge replay --help
  job           pause, resume or cancel a job of yours: forge job --help
  replay-all    audit a hub: walk its ledger, verify and re-execute: forge replay-all --help
  witness       watch ledgers and cosign their checkpoints: forge witness --help

Options:
  -h, --help    this text
  --version     versions of forge and of its agent
`

/**
 * A command's code is loaded when it is called: whoever verifies a file does not wait for the agent.
 * @returns exit code: 2 for a command or option that does not exist, else the command's own
 */
async function forge([command, ...rest]: readonly string[]): Promise<number> {
  switch (command) {
    case 'agent':
      return (await import('../agent-runtime/headless/command.ts')).agentCommand('forge agent', rest)
    case 'verify':
      return (await import('./verify.ts')).verifyCommand(rest)
    case 'replay':
      return (await import('./replay/command.ts')).replayCommand(rest)
    case 'job':
      return (await import('./steer.ts')).jobCommand(rest)
    case 'replay-all':
      return (await import('./replay-all/command.ts')).replayAllCommand(rest)
    case 'witness':
      return (await import('./witness/command.ts')).witnessCommand(rest)
    case '-h':
    case '--help':
      process.stdout.write(HELP)
      return 0
    case '--version': {
      const { SOFTWARE } = await import('../agent-runtime/version.ts')
      const { default: manifest } = await import('../package.json', { with: { type: 'json' } })
      process.stdout.write(`forge ${manifest.version}, ${SOFTWARE}\n`)
      return 0
    }
    case undefined:
      process.stderr.write(HELP)
      return 2
    default:
      process.stderr.write(`forge has no command ${JSON.stringify(command.slice(0, 80))}\n\n${HELP}`)
      return 2
  }
}

const code = await forge(process.argv.slice(2))
// A pipe takes a long report in pieces: the process ends when it has taken the last one.
process.stdout.write('', () => process.exit(code))
