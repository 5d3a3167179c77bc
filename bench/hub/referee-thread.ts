import { serveReferee } from '../../server/hub/referee/thread.ts'
import { gbmProgram, RECORDED } from './gbm-record.ts'
import { BENCH_OPS, tinyLeaf } from './tiny-op.ts'

/** The referee's thread of the benchmark's server: tiny shards from their table, recorded ones by the compiled kernel. */
serveReferee({
  ops: BENCH_OPS,
  async program(job) {
    if (job.op === 'bench@1/tiny.v1') return { leaf: tinyLeaf }
    const program = await gbmProgram(job)
    return { leaf: (shard) => program.leaf(shard % RECORDED) }
  },
})
