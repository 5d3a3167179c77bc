import process from 'node:process'
import { agentCommand } from './command.ts'

/** `node dist/agent.mjs`: the agent alone, as the server starts its own. */
process.exit(await agentCommand('npm run agent --', process.argv.slice(2)))
