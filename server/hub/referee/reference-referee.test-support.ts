import { referenceLeaf } from '../../../kernel/ops/references.test-support.ts'
import type { Referee } from './referee.ts'

/** The referee's arithmetic in the test's own thread: sources cannot be loaded by a worker of Node 20. */
export function referenceReferee(): Referee & { runs: number; checks: number } {
  return {
    runs: 0,
    checks: 0,
    async execute(job, shards, inputs) {
      this.runs += shards.length
      return shards.map((shard) => referenceLeaf(job, shard, inputs))
    },
    async check(job, shards, leaves, secret, inputs) {
      this.checks += shards.length
      return shards.flatMap((shard, at) => {
        const leaf = leaves.at(at) ?? new Uint8Array(0)
        return job.algebraic?.check(inputs, shard, leaf, secret) === undefined ? [] : [at]
      })
    },
    async close() {},
  }
}
