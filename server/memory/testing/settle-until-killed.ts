// Submits jobs of an owner, has them worked on and ends them, without end; prints the id of each job that has ended.
import { programRoot } from '../../config.ts'
import { connect } from '../database.ts'
import { createLedgerWorld } from './ledger-world.ts'

const [url = '', owner = ''] = process.argv.slice(2)
const database = await connect(url, programRoot(), console.error, async () => {})
const world = await createLedgerWorld(database)
const agents = [await world.agent('network'), await world.agent('house')]
for (let number = 0; ; number++) {
  const job = await world.submit(owner, { shards: 3, copies: 2, price: 7 })
  await world.run(job)
  await world.commit(job, [agents, agents])
  if (number % 2 === 0) {
    await world.commit(job, [agents])
    await world.settle(job)
  } else {
    await world.jobs.transition(job.id, ['running'], 'cancelled')
  }
  console.log(job.id)
}
