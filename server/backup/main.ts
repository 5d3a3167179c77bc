import path from 'node:path'
import process from 'node:process'
import { ForgeError } from '../../kernel/errors.ts'
import { readConfig } from '../config.ts'
import { openDatabase } from '../memory/database.ts'
import { backup } from './backup.ts'
import { restore } from './restore.ts'

const HELP = `Usage: npm run backup -- FOLDER
       npm run restore -- FOLDER

With the settings of the server (DATABASE_URL, FORGE_DATA_DIR).

backup   copies database, blobs and keys into FOLDER, which must not exist. The server may run. FOLDER holds secrets.
restore  fills an empty database and data folder from FOLDER. No server may run on them. Check with: npm run fsck

Exit codes: 0 done, 2 not done, with the reason
`

async function main(): Promise<void> {
  const [verb, folder, ...more] = process.argv.slice(2)
  if (verb === '--help' || verb === '-h' || folder === '--help' || folder === '-h') {
    process.stdout.write(HELP)
    return
  }
  if ((verb !== 'backup' && verb !== 'restore') || folder === undefined || more.length > 0)
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'name one folder', { hint: HELP })
  const config = readConfig()
  const database = await openDatabase(config, { log: (line) => process.stderr.write(`${line}\n`) })
  const place = path.resolve(process.env.INIT_CWD ?? process.cwd(), folder)
  try {
    if (verb === 'backup') {
      const { tables, rows, files } = await backup(database.pool, config, place, new Date())
      process.stdout.write(`${place}: ${rows} rows of ${tables} tables, ${files} files\n`)
    } else {
      const { taken_at } = await restore(database, config, place)
      process.stdout.write(`restored the backup of ${taken_at}; check it with: npm run fsck\n`)
    }
  } finally {
    await database.close()
  }
}

try {
  await main()
} catch (error) {
  const hint = error instanceof ForgeError && error.hint !== undefined ? ` ${error.hint}` : ''
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}.${hint}\n`)
  process.exitCode = 2
}
