// Replaces the hub's key without end and prints a line after each time.
import { programRoot } from '../../config.ts'
import { connect } from '../../memory/database.ts'
import { createRecordStore } from '../../memory/record-store.ts'
import { rotateHubKey } from '../hub-key.ts'

const [url = '', file = ''] = process.argv.slice(2)
const database = await connect(url, programRoot(), console.error, async () => {})
const records = createRecordStore(database)
for (let turn = 0; ; turn++) {
  await rotateHubKey(file, records)
  console.log(turn)
}
