import process from 'node:process'
import { ForgeError } from '../../kernel/errors.ts'
import { readConfig } from '../config.ts'
import { openDatabase } from '../memory/database.ts'
import { checkDeployment } from './check.ts'

const HELP = `Usage: npm run fsck

Checks a whole deployment, with the settings of the server (DATABASE_URL, FORGE_DATA_DIR). It reads everything and changes
nothing. Run it while no job settles, or on a backup: what is published in between is reported as a difference.

Exit codes: 0 all is well, 1 something was found, 2 it could not be checked
`
/** Findings that are printed one by one. */
const SHOWN = 100

async function fsck(): Promise<number> {
  const config = readConfig()
  const database = await openDatabase(config, { log: (line) => process.stderr.write(`${line}\n`) })
  try {
    let findings = 0
    const { entries, records, erased } = await checkDeployment(database, config, (check, subject, detail) => {
      findings++
      if (findings <= SHOWN) process.stdout.write(`✗ ${check}: ${subject}: ${detail}\n`)
    })
    if (findings > SHOWN) process.stdout.write(`… and ${findings - SHOWN} more\n`)
    process.stdout.write(
      `${entries} entries of the ledger, ${records} records (of ${erased} the job is erased), money: ${
        findings === 0 ? 'all is well' : `${findings} findings`
      }\n`,
    )
    return findings === 0 ? 0 : 1
  } finally {
    await database.close()
  }
}

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  process.stdout.write(HELP)
  process.exit(0)
}
try {
  process.exitCode = await fsck()
} catch (error) {
  const hint = error instanceof ForgeError && error.hint !== undefined ? ` ${error.hint}` : ''
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}.${hint}\n`)
  process.exitCode = 2
}
