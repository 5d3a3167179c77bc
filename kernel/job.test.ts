import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from './canonical.ts'
import { type Contract, parseContract } from './contract.ts'
import { sha256Hex } from './digest.ts'
import { ForgeError } from './errors.ts'
import { KERNEL_DIGESTS } from './generated/kernel-digests.ts'
import { defineOp, OpRegistry, type PreparedJob, replayKeyMaterial } from './job.ts'
import { LIMITS } from './limits.ts'
import { TABLES } from './numerics/tables/index.ts'
import type { OpSpec, Plan } from './ops/op.ts'

type Args = { readonly x: number; readonly step: number }
type Constants = { readonly edge: number; readonly sign: string }
type Spec = OpSpec<Args, Constants, { bytes: number }, { bytes: number }>

/** An op of the smallest kind: each of its leaves is one byte. */
const SPEC: Spec = {
  ref: { name: 'custom', version: 1, profile: 'bytes.v1' },
  title: 'Bytes',
  description: 'Counts bytes.',
  args: z.strictObject({ x: z.number().min(-10).max(10), step: z.int().min(1).default(3) }),
  inputs: { a: { title: 'A', description: 'Any matrix.', dtypes: ['int8', 'uint8'], rank: 2 } },
  example: { x: 1, step: 3 },
  golden: () => [],
  kernel: 'mc/pi.v1',
  tables: ['exp2'],
  plan: ({ x, step }): Plan<Constants> => ({
    shard_count: step,
    work_units: 7,
    leaf: { kind: 'inline', max_bytes: 1 },
    constants: { edge: x * 2, sign: Object.is(x, -0) ? 'negative zero' : 'other' },
  }),
  gpu: ({ key }) => ({
    kernel: 'mc/pi.v1',
    tables: [],
    words: Uint32Array.from(key),
    invocations: 1,
    slot_words: 1,
    inputs: [],
    leaf: () => new Uint8Array(1),
  }),
  checkLeaf: (_plan, _shard, leaf) => (leaf.length === 1 ? undefined : 'one byte is expected'),
  fold: {
    empty: () => ({ bytes: 0 }),
    add: (aggregate, _shard, leaf) => {
      aggregate.bytes += leaf.length
    },
  },
  reduce: (_args, _plan, { bytes }) => ({ result: { bytes }, artifacts: [] }),
  result: z.strictObject({ bytes: z.int() }),
  summarise: (_args, { bytes }) => ({
    headline: { label: 'Bytes', value: bytes },
    figures: [],
    charts: [],
    notes: [],
  }),
}

const INPUT = { digest: '12'.repeat(32), dtype: 'int8', shape: [2, 2] }
const CONTRACT = {
  contract: 1,
  op: { name: 'custom', version: 1, profile: 'bytes.v1' },
  args: { x: 1 },
  inputs: { a: INPUT },
  seed: { mode: 'explicit', value: 's' },
  verify: { mode: 'none' },
}

function prepare(patch: object = {}, spec: Partial<Spec> = {}): PreparedJob {
  return defineOp({ ...SPEC, ...spec }).prepare(parseContract({ ...CONTRACT, ...patch }))
}

function refusal(run: () => unknown): ForgeError {
  try {
    run()
  } catch (error) {
    if (error instanceof ForgeError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('replay key', () => {
  const base = prepare()

  test('is the SHA-256 of the canonical material, written out here by hand', () => {
    const text =
      '{"args":{"step":3,"x":1},' +
      `"inputs":{"a":{"digest":"${INPUT.digest}","dtype":"int8","shape":[2,2]}},` +
      `"kernel":"${KERNEL_DIGESTS['mc/pi.v1']}","kernel_semantics":1,` +
      '"op":{"name":"custom","profile":"bytes.v1","version":1},' +
      '"plan":{"constants":{"edge":2,"sign":"other"},"leaf":{"kind":"inline","max_bytes":1},"shard_count":3},' +
      `"replay_key":1,"seed":{"mode":"explicit","value":"s"},"tables":{"exp2":"${TABLES.exp2.sha256}"}}`
    expect(base.replayKey).toBe(sha256Hex(text))
  })

  test.each<[string, object]>([
    ['ctx', { ctx: { job_id: 'j', trace_id: 't', billing: 'b' } }],
    ['policy', { policy: { target: 'gpu', timeout_ms: 5000 } }],
    ['verify', { verify: { mode: 'quorum', k: 3 } }],
    ['a default written out', { args: { step: 3, x: 1 } }],
    ['the choice of artifacts', { artifacts: ['c'] }],
  ])('does not change with %s', (_what, patch) => {
    expect(prepare(patch).replayKey).toBe(base.replayKey)
    expect(prepare(patch).planDigest).toBe(base.planDigest)
  })

  test.each<[string, object, Partial<Spec>]>([
    ['an argument', { args: { x: 2 } }, {}],
    ['a default left', { args: { x: 1, step: 4 } }, {}],
    ['the seed', { seed: { mode: 'explicit', value: 't' } }, {}],
    ['the mode of the seed', { seed: { mode: 'derived' } }, {}],
    ['the digest of an input', { inputs: { a: { ...INPUT, digest: '34'.repeat(32) } } }, {}],
    ['the dtype of an input', { inputs: { a: { ...INPUT, dtype: 'uint8' } } }, {}],
    ['the shape of an input', { inputs: { a: { ...INPUT, shape: [4, 1] } } }, {}],
    ['the version of a key-value input', { inputs: { a: { ...INPUT, kv_version: 1 } } }, {}],
    ['the op', {}, { ref: { ...SPEC.ref, profile: 'bytes.v2' } }],
    ['the version of the op', {}, { ref: { ...SPEC.ref, version: 2 } }],
    ['the kernel', {}, { kernel: 'tensor/matmul.v1' }],
    ['the tables', {}, { tables: ['exp2', 'normal-quantile'] }],
    [
      'the number of shards',
      {},
      { plan: (args, inputs) => ({ ...SPEC.plan(args, inputs), shard_count: 4 }) },
    ],
    [
      'a constant of the plan',
      {},
      { plan: (args, inputs) => ({ ...SPEC.plan(args, inputs), constants: { edge: 3, sign: '' } }) },
    ],
    [
      'the kind of leaf',
      {},
      { plan: (args, inputs) => ({ ...SPEC.plan(args, inputs), leaf: { kind: 'blob', max_bytes: 1 } }) },
    ],
  ])('changes with %s', (_what, patch, spec) => {
    expect(prepare(patch, spec).replayKey).not.toBe(base.replayKey)
  })

  test('does not change with the price of the work', () => {
    const dearer = prepare({}, { plan: (args, inputs) => ({ ...SPEC.plan(args, inputs), work_units: 8 }) })
    expect(dearer.replayKey).toBe(base.replayKey)
  })

  test('refuses a kernel that has no pinned digest', () => {
    const contract = parseContract(CONTRACT)
    const unknown = { ...SPEC, kernel: 'mc/none.v1' }
    expect(() => replayKeyMaterial(unknown, contract, base.plan)).toThrow('no digest of kernel')
  })
})

describe('a prepared job', () => {
  test('is the same from the contract and from its canonical text, -0 included', () => {
    const first = prepare({ ctx: { job_id: 'j' }, args: { x: -0 } })
    const again = defineOp(SPEC).prepare(parseContract(JSON.parse(first.canonical)))
    expect(again.plan).toEqual(first.plan)
    expect(first.plan.constants).toEqual({ edge: 0, sign: 'other' })
    expect([again.canonical, again.contractHash, again.replayKey, again.planDigest]).toEqual([
      first.canonical,
      first.contractHash,
      first.replayKey,
      first.planDigest,
    ])
  })

  test('refuses a leaf that is too long before the op sees it', () => {
    const job = prepare()
    expect(job.checkLeaf(0, Uint8Array.of(1))).toBeUndefined()
    expect(job.checkLeaf(0, new Uint8Array(0))).toBe('one byte is expected')
    expect(job.checkLeaf(0, new Uint8Array(2))).toContain('at most 1')
  })

  test('summarises only results of its op', () => {
    const job = prepare()
    expect(job.summarise({ bytes: 3 }).headline.value).toBe(3)
    expect(refusal(() => job.summarise({ bytes: 'x' })).code).toBe('INTERNAL')
  })

  test('the seed reaches the kernel', () => {
    const keys = ['s', 't', 'u', 'v'].map((value) =>
      prepare({ seed: { mode: 'explicit', value } })
        .gpu()
        .words.join(),
    )
    expect(new Set(keys).size).toBe(4)
  })
})

describe('refused', () => {
  test.each<[string, string, string, object]>([
    ['an argument out of range', 'ARGS_OUT_OF_RANGE', 'args.x', { args: { x: 11 } }],
    ['NaN', 'ARGS_OUT_OF_RANGE', 'args.x', { args: { x: Number.NaN } }],
    ['a missing argument', 'ARGS_OUT_OF_RANGE', 'args.x', { args: {} }],
    ['an argument too many', 'ARGS_OUT_OF_RANGE', 'args.y', { args: { x: 1, y: 1 } }],
    ['a plan of too many shards', 'ARGS_OUT_OF_RANGE', 'args', { args: { x: 1, step: LIMITS.shards + 1 } }],
    ['a missing input', 'INPUT_MISSING', 'inputs.a', { inputs: {} }],
    ['an input too many', 'INPUT_INVALID', 'inputs.b', { inputs: { a: INPUT, b: INPUT } }],
    [
      'an input named like a method',
      'INPUT_INVALID',
      'inputs.constructor',
      { inputs: { a: INPUT, constructor: INPUT } },
    ],
    ['a wrong dtype', 'INPUT_INVALID', 'inputs.a.dtype', { inputs: { a: { ...INPUT, dtype: 'int32' } } }],
    ['a wrong rank', 'INPUT_INVALID', 'inputs.a.shape', { inputs: { a: { ...INPUT, shape: [4] } } }],
  ])('%s', (_what, code, path, patch) => {
    const error = refusal(() => prepare(patch))
    expect([error.code, error.path]).toEqual([code, path])
    expect(error.hint).toBeTruthy()
  })

  test('an unknown op, with the names of the known ones', () => {
    const registry = new OpRegistry([defineOp(SPEC)])
    expect(registry.prepare(CONTRACT).op).toBe('custom@1/bytes.v1')
    const error = refusal(() => registry.prepare({ ...CONTRACT, op: { ...SPEC.ref, profile: 'bytes.v9' } }))
    expect([error.code, error.path]).toEqual(['UNKNOWN_OP', 'op'])
    expect(error.hint).toContain('custom@1/bytes.v1')
    expect(refusal(() => registry.get('constructor')).code).toBe('UNKNOWN_OP')
  })

  test('two ops of one name', () => {
    expect(() => new OpRegistry([defineOp(SPEC), defineOp(SPEC)])).toThrow('share an id')
  })

  test('a plan without shards', () => {
    const empty = {
      plan: (args: Args, inputs: Contract['inputs']) => ({ ...SPEC.plan(args, inputs), shard_count: 0 }),
    }
    expect(() => prepare({}, empty)).toThrow('at least one shard')
  })
})

test('the material is an object of JSON values only', () => {
  const material: JsonObject = replayKeyMaterial(SPEC, prepare().contract, prepare().plan)
  expect(JSON.parse(JSON.stringify(material))).toEqual(material)
})
