// Commits groups of shards to a job without end and prints the number of shards after each acknowledged commit.
import { programRoot } from '../../config.ts'
import { connect } from '../database.ts'
import { createResultStore } from '../result-store.ts'
import { claimSample, sampleGroup, sampleReceipt, sampleShards } from './samples.ts'

const GROUP_SHARDS = 50
const [url = '', jobId = ''] = process.argv.slice(2)
const database = await connect(url, programRoot(), console.error, async () => {})
const results = createResultStore(database.pool)
const epoch = await results.openEpoch()
await claimSample(database, jobId)
for (let first = 0; ; first += GROUP_SHARDS) {
  const groups = [sampleGroup(jobId, sampleShards(first, GROUP_SHARDS))]
  await results.commit(epoch, groups, [sampleReceipt(jobId, epoch, `lease-${first}`)])
  console.log(first + GROUP_SHARDS)
}
