import { fromBase64, toBase64 } from '../base64.ts'
import {
  type Bundle,
  FOR_ALL,
  flip64,
  flipHex,
  forgeries,
  IDENTITY,
  malleable,
  put,
  receiptOf,
  row,
} from './forgery.test-support.ts'
import { receiptOfLease, reseal, resignReceipt, underAnotherDomain } from './reseal.test-support.ts'

/** Forged records, results, traces, receipts, and claims about verification. */
export const RECORD_FORGERIES = forgeries(({ changed, signed }) => {
  // What the record says about the contract.
  signed('contract-hash', 'a record about another contract', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record, 'contract_hash', flipHex(record.contract_hash)),
    ),
  )
  signed('contract-hash', 'a record that names another op', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record, 'op', 'mc@1/gbm.v1'),
    ),
  )
  signed('contract-hash', 'a record that claims a quorum of three', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record.verification, 'asked', { mode: 'quorum', k: 3 }),
    ),
  )
  changed('replay-key', 'a byte of the replay key material', (bundle) => {
    bundle.replay_key_material = bundle.replay_key_material.replace('"replay_key":1', '"replay_key":2')
  })
  signed('replay-key', 'wrong kernel digest', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record, 'kernel', flipHex(record.kernel)),
    ),
  )
  signed('replay-key', 'wrong table digest', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record, 'tables', { ...record.tables, 'normal-tail': '0'.repeat(64) }),
    ),
  )
  signed('replay-key', 'wrong semantics', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record, 'kernel_semantics', record.kernel_semantics + 1),
    ),
  )
  signed('replay-key', 'material of another seed', (sample) =>
    reseal(sample, (draft) => {
      draft.material = draft.material.replace('"42"', '"43"')
    }),
  )
  signed('replay-key', 'material that is null', (sample) =>
    reseal(sample, (draft) => {
      draft.material = 'null'
    }),
  )
  signed('replay-key', 'material with a field more', (sample) =>
    reseal(sample, (draft) => {
      draft.material = `{"a":1,${draft.material.slice(1)}`
    }),
  )
  signed('replay-key', 'a plan that is null', (sample) =>
    reseal(sample, (draft) => {
      draft.material = draft.material.replace(/"plan":\{.*\},"replay_key"/, '"plan":null,"replay_key"')
    }),
  )
  signed('replay-key', 'another number of shards planned', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record.shards, 'planned', record.shards.planned + 1),
    ),
  )
  signed('replay-key', 'a result of the first shards only', (sample) =>
    reseal(
      sample,
      (draft) => {
        draft.digests = draft.digests.subarray(32)
      },
      (record) => put(record.shards, 'accepted', record.shards.accepted - 1),
    ),
  )

  // Results.
  changed('result', 'another result', (bundle) => {
    bundle.result = bundle.result.replace('78539816', '78539817')
  })
  changed('result', 'a result with spaces', (bundle) => {
    bundle.result = bundle.result.replace(':', ': ')
  })
  signed('result', 'a signed result that is not canonical', (sample) =>
    reseal(sample, (draft) => {
      draft.result = draft.result.replace(':', ':1e0,"a":')
    }),
  )
  signed('result', 'a signed result that stopped after other shards', (sample) =>
    reseal(sample, (draft) => {
      draft.result = '{"stopping":{"shards":1}}'
    }),
  )
  changed('shards', 'a bit of a digest', (bundle) => {
    bundle.digests = [flip64(row(bundle), 33)]
  })
  changed('shards', 'two shards swapped', (bundle) => {
    const bytes = fromBase64(row(bundle))
    const first = bytes.slice(0, 32)
    bytes.copyWithin(0, 32, 64)
    bytes.set(first, 32)
    bundle.digests = [toBase64(bytes)]
  })
  changed('shards', 'a digest less', (bundle) => {
    bundle.digests = [toBase64(fromBase64(row(bundle)).subarray(32))]
  })
  changed('shards', 'a digest more', (bundle) => {
    bundle.digests = [toBase64(Uint8Array.from([...fromBase64(row(bundle)), ...new Uint8Array(32)]))]
  })
  changed('shards', 'digests in rows of another length', (bundle) => {
    const bytes = fromBase64(row(bundle))
    bundle.digests = [toBase64(bytes.subarray(0, 32)), toBase64(bytes.subarray(32))]
  })
  changed('shards', 'no digest at all', (bundle) => {
    bundle.digests = []
  })

  // The trace.
  changed('trace', 'another executor in the trace', (bundle) => {
    bundle.trace = bundle.trace.replace('webgpu', 'wasm')
  })
  changed('trace', 'a trace with spaces', (bundle) => {
    bundle.trace = bundle.trace.replace(':', ': ')
  })
  signed('trace', 'a shard that no run covers', (sample) =>
    reseal(sample, ({ trace }) => {
      const last = trace.runs.at(-1)
      if (last !== undefined) last.first++
    }),
  )
  signed('trace', 'a shard that two runs cover', (sample) =>
    reseal(sample, ({ trace }) => {
      const last = trace.runs.at(-1)
      if (last !== undefined) last.first--
    }),
  )
  signed('trace', 'an agent without a name', (sample) =>
    reseal(sample, ({ trace }) => {
      trace.agents.pop()
    }),
  )
  signed('trace', 'an agent without a copy', (sample) =>
    reseal(sample, ({ trace }) => {
      trace.agents.push('0'.repeat(64))
    }),
  )
  signed('trace', 'a referee with an owner', (sample) =>
    reseal(sample, ({ trace }) => {
      trace.runs[0]?.copies.push([-1, 0, 'wasm'])
    }),
  )
  for (const [name, claim] of [
    ['methods', { single: 0, quorum: 1, referee: 0, algebraic: 0 }],
    ['copies', 1_000_000],
    ['keys', 1000],
    ['owners', 1000],
  ] as const)
    signed('trace', `a wrong count of ${name}`, (sample) =>
      reseal(
        sample,
        () => undefined,
        (record) => put(record.verification, name, claim),
      ),
    )
  // 16 of the sample's 24 shards are agreed upon, by 48 copies in all; nobody's word stands alone.
  const found = { audits: 0, audits_bad: 0, doubt_single: 0, doubt_agreed: 0.024 }
  const follows = { copies_per_shard: 2, wrong_fraction: 0.001, modelled_error: 0.001 }
  const { wrong_fraction: _, ...unbounded } = follows
  for (const [what, claim] of [
    ['fewer wrong shards than follow from its findings', { ...found, ...follows, wrong_fraction: 0.0001 }],
    ['a smaller modelled error', { ...found, ...follows, modelled_error: 0.0001 }],
    ['more copies a shard than it counts', { ...found, ...follows, copies_per_shard: 3 }],
    ['more bad audits than audits', { ...found, ...follows, audits: 1, audits_bad: 2 }],
    ['no bound where one follows', { ...found, ...unbounded }],
  ] as const)
    signed('trace', `a bound of ${what}`, (sample) =>
      reseal(
        sample,
        () => undefined,
        (record) => put(record.verification, 'bound', claim),
      ),
    )

  // Receipts.
  changed('receipts', 'receipts in another order', (bundle) => {
    bundle.receipts.reverse()
  })
  changed('receipts', 'a receipt dropped', (bundle) => {
    bundle.receipts.pop()
  })
  changed('receipts', 'a receipt twice', (bundle) => {
    bundle.receipts.push(receiptOf(bundle))
  })
  changed('receipts', "a byte of an agent's signature", (bundle) => {
    receiptOf(bundle).signature = flip64(receiptOf(bundle).signature, 5)
  })
  changed('receipts', "S + L in an agent's signature", (bundle) => {
    receiptOf(bundle).signature = malleable(receiptOf(bundle).signature)
  })
  changed('receipts', 'differs outside the lease', (bundle) => {
    receiptOf(bundle).differs = [[1_000_000, '0'.repeat(64)]]
  })
  signed('receipts', 'a signature by another agent', (sample) =>
    reseal(sample, ({ receipts }) => {
      const [first, second] = receipts
      if (first !== undefined && second !== undefined) first.key = second.key
    }),
  )
  signed('receipts', "S + L in an agent's signature, signed by the hub", (sample) =>
    reseal(sample, ({ receipts }) => {
      for (const receipt of receipts) receipt.signature = malleable(receipt.signature)
    }),
  )
  signed('receipts', 'an agent whose key has small order', (sample) =>
    reseal(sample, ({ receipts }) => {
      for (const receipt of receipts) Object.assign(receipt, { key: IDENTITY, signature: FOR_ALL })
    }),
  )
  for (const [name, fields] of [
    ['a receipt of another contract', { contract_hash: '0'.repeat(64) }],
    ['a receipt of another plan', { plan_digest: '0'.repeat(64) }],
    ['a receipt of other results', { result_root: '0'.repeat(64) }],
    ['a receipt for shards that do not exist', { first: 4000 }],
    ['a receipt of no shards', { count: 0 }],
    ['a receipt with a field more', { verified: true }],
  ] as const)
    signed('receipts', name, (sample) =>
      reseal(sample, ({ receipts }) => {
        receipts[0] = resignReceipt(sample, 0, fields)
      }),
    )
  // A receipt says for which lease it is: of this hub, to this key, for this job, for these shards.
  for (const [name, lease] of [
    ['another job', { job_id: '0d4c7a52-3f0e-4b52-8f5e-000000000000' }],
    ['another agent', { agent: '0'.repeat(64) }],
    ['another hub, signed by a foreign key', { hub: '0'.repeat(64) }],
    ['another range', { first: 1 }],
    ['fewer shards', { count: 1 }],
    ['another epoch', { epoch: 2 }],
    ['another number', { lease_id: '1.9' }],
    ['another contract', { contract_hash: '0'.repeat(64) }],
  ] as const)
    signed('receipts', `a receipt of a lease of ${name}`, (sample) =>
      reseal(sample, ({ receipts }) => {
        receipts[0] = receiptOfLease(sample, 0, lease)
      }),
    )
  for (const [name, fields] of [
    ['range was altered', { first: 1 }],
    ['epoch was altered', { epoch: 2 }],
    ['number was altered', { lease_id: '1.9' }],
  ] as const)
    signed('receipts', `a receipt whose ${name}, the lease kept`, (sample) =>
      reseal(sample, ({ receipts }) => {
        receipts[0] = resignReceipt(sample, 0, fields)
      }),
    )
  signed('receipts', 'the lease of another receipt', (sample) =>
    reseal(sample, ({ receipts }) => {
      const other = sample.settled.receipts[1]?.receipt
      receipts[0] = resignReceipt(sample, 0, { lease: other?.receipt === 2 ? other.lease : null })
    }),
  )
  signed('receipts', 'a lease named in capitals', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts[0] = resignReceipt(sample, 0, { lease: 'A'.repeat(64) })
    }),
  )
  signed('receipts', 'a receipt of version 2 without its lease, called version 1', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts[0] = resignReceipt(sample, 0, { receipt: 1 })
    }),
  )
  signed('receipts', 'a receipt of version 3', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts[0] = resignReceipt(sample, 0, { receipt: 3 })
    }),
  )
  signed('receipts', 'a receipt of version 1 under the domain of version 2', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts[0] = underAnotherDomain(sample, 0)
    }),
  )
  signed('statement', 'no other hubs, as an empty list', (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record.receipts, 'lease_hubs', []),
    ),
  )
  signed('receipts', 'two receipts for one lease', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts.push(receipts[0] as Bundle['receipts'][number])
    }),
  )

  // What is claimed about verification.
  signed('verification', 'a copy without its receipt', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts.pop()
    }),
  )
  signed('verification', 'a receipt of another executor', (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts[0] = resignReceipt(sample, 0, { executor: 'cpu' })
    }),
  )
  signed('verification', 'a quorum of one copy', (sample) =>
    reseal(sample, ({ trace }) => {
      for (const run of trace.runs) Object.assign(run, { method: 'quorum', copies: run.copies.slice(0, 1) })
      trace.agents = trace.agents.filter((_, at) => trace.runs.some(({ copies }) => copies[0]?.[0] === at))
      const places = [...new Set(trace.runs.map(({ copies }) => copies[0]?.[0]))]
      for (const { copies } of trace.runs) for (const copy of copies) copy[0] = places.indexOf(copy[0])
    }),
  )
  signed('verification', 'two keys of one owner', (sample) =>
    reseal(sample, ({ trace }) => {
      for (const { method, copies } of trace.runs)
        for (const copy of copies) Object.assign(copy, { 1: copy[1] < 0 ? -1 : 0, length: method ? 3 : 3 })
    }),
  )
  signed('verification', 'one key under two owners', (sample) =>
    reseal(sample, ({ trace }) => {
      const [first] = trace.runs
      const [agent, , executor] = first?.copies[0] ?? [0, 0, 'wasm']
      if (first === undefined) return
      first.copies.push([agent, 7, executor], [agent, 8, executor])
      first.copies = first.copies.filter(([other]) => other === agent)
      const used = new Set(trace.runs.flatMap(({ copies }) => copies.map(([at]) => at)))
      const kept = trace.agents.filter((_, at) => used.has(at))
      for (const { copies } of trace.runs)
        for (const copy of copies) if (copy[0] >= 0) copy[0] = kept.indexOf(trace.agents[copy[0]] as string)
      trace.agents = kept
      for (const run of trace.runs) run.method = run.copies.some(([at]) => at < 0) ? run.method : 'quorum'
    }),
  )
  signed('verification', 'a referee without a copy', (sample) =>
    reseal(sample, ({ trace }) => {
      for (const run of trace.runs) run.method = 'referee'
    }),
  )
})
