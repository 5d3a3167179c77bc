import process from 'node:process'
import { toBase64 } from '../../kernel/base64.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { readConfig } from '../config.ts'
import { hubKeyFile, rotateHubKey } from '../evidence/hub-key.ts'
import { openDatabase } from '../memory/database.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { runTool } from './run-tool.ts'

const HELP = `Usage: npm run keys -- list | rotate-hub

  list          the hub's keys, public halves, with the time in which each signed
  rotate-hub    makes a new key that signs records from now on. The old one's public half stays published with its time,
                and its records stay valid; its private half is destroyed

With the settings of the server (DATABASE_URL, FORGE_DATA_DIR). Servers may run meanwhile: each signs with the new key from
its next record on. Whoever pins the hub's key needs the new one: it is in /.well-known/forge-pool.json at once.

Exit codes: 0 done, 2 not
`

async function main([command, ...more]: readonly string[]): Promise<number> {
  if ((command !== 'list' && command !== 'rotate-hub') || more.length > 0)
    throw new ForgeError('CONTRACT_INVALID', 'list or rotate-hub is expected', { hint: 'See --help.' })
  const config = readConfig()
  const database = await openDatabase(config, { log: (line) => process.stderr.write(`${line}\n`) })
  try {
    const records = createRecordStore(database)
    if (command === 'rotate-hub') await rotateHubKey(hubKeyFile(config.dataDir), records)
    for (const { public_key, created_at, retired_at } of await records.hubKeys())
      process.stdout.write(
        `${toBase64(public_key)} from ${created_at.toISOString()} ${
          retired_at === null ? 'on, signs now' : `until ${retired_at.toISOString()}`
        }\n`,
      )
    return 0
  } finally {
    await database.close()
  }
}

await runTool(HELP, main)
