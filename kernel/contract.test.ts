import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from './canonical.ts'
import {
  assertAvailable,
  type ContractInput,
  canonicalContract,
  contractHash,
  formatOp,
  parseContract,
  parseContractText,
  parseOpRef,
} from './contract.ts'
import { ForgeError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { property } from './numerics/property.test-support.ts'

const DIGEST = 'ab'.repeat(32)
const INPUT = { digest: DIGEST, dtype: 'int8', shape: [2, 3] }
const MINIMAL = {
  contract: 1,
  op: { name: 'mc', version: 1, profile: 'gbm.v1' },
  args: {},
  seed: { mode: 'derived' },
  verify: { mode: 'none' },
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

describe('schema', () => {
  test('fills in every default', () => {
    expect(parseContract(MINIMAL)).toEqual({
      ...MINIMAL,
      inputs: {},
      policy: { target: 'any', min_agents: 1, timeout_ms: 3_600_000, classification: 'public' },
    })
    expect(parseContract({ ...MINIMAL, verify: { mode: 'quorum' } }).verify).toEqual({ mode: 'quorum', k: 2 })
    expect(parseContract({ ...MINIMAL, verify: { mode: 'adaptive' } }).verify).toEqual({
      mode: 'adaptive',
      epsilon: 1e-4,
    })
  })

  const many = Object.fromEntries(Array.from({ length: LIMITS.input_count + 1 }, (_, i) => [`i${i}`, INPUT]))
  test.each<[string, object]>([
    ['', [] as object],
    ['contract', { contract: 2 }],
    ['extra', { extra: 1 }],
    ['ctx.user', { ctx: { user: 'x' } }],
    ['ctx.job_id', { ctx: { job_id: '' } }],
    ['op', { op: 'mc@1/gbm.v1' }],
    ['op.name', { op: { ...MINIMAL.op, name: 'MC' } }],
    ['op.version', { op: { ...MINIMAL.op, version: 0 } }],
    ['op.profile', { op: { ...MINIMAL.op, profile: 'gbm' } }],
    ['op.variant', { op: { ...MINIMAL.op, variant: 1 } }],
    ['args', { args: [] }],
    ['args', { args: null }],
    ['inputs', { inputs: many }],
    ['inputs.A', { inputs: { A: INPUT } }],
    ['inputs.a.digest', { inputs: { a: { ...INPUT, digest: DIGEST.toUpperCase() } } }],
    ['inputs.a.dtype', { inputs: { a: { ...INPUT, dtype: 'int4' } } }],
    ['inputs.a.shape', { inputs: { a: { ...INPUT, shape: [] } } }],
    ['inputs.a.shape', { inputs: { a: { ...INPUT, shape: [1, 1, 1, 1, 1] } } }],
    ['inputs.a.shape[1]', { inputs: { a: { ...INPUT, shape: [1, 0] } } }],
    ['inputs.a.shape[0]', { inputs: { a: { ...INPUT, shape: [1.5] } } }],
    ['inputs.a.kv_version', { inputs: { a: { ...INPUT, kv_version: 0 } } }],
    ['inputs.a.bytes', { inputs: { a: { ...INPUT, bytes: 'AA' } } }],
    ['seed.mode', { seed: { mode: 'random' } }],
    ['seed.value', { seed: { mode: 'explicit' } }],
    ['seed.value', { seed: { mode: 'explicit', value: '' } }],
    ['seed.value', { seed: { mode: 'explicit', value: 'é' } }],
    ['seed.value', { seed: { mode: 'explicit', value: 'x'.repeat(LIMITS.seed_chars + 1) } }],
    ['seed.value', { seed: { mode: 'derived', value: 'x' } }],
    ['policy.target', { policy: { target: 'tpu' } }],
    ['policy.min_agents', { policy: { min_agents: 0 } }],
    ['policy.max_agents', { policy: { max_agents: 1.5 } }],
    ['policy.timeout_ms', { policy: { timeout_ms: 999 } }],
    ['policy.timeout_ms', { policy: { timeout_ms: LIMITS.timeout_ms_max + 1 } }],
    ['policy.classification', { policy: { classification: 'secret' } }],
    ['policy.region', { policy: { region: 'eu' } }],
    ['verify', { verify: undefined }],
    ['verify.mode', { verify: { mode: 'trust' } }],
    ['verify.k', { verify: { mode: 'quorum', k: 1 } }],
    ['verify.k', { verify: { mode: 'quorum', k: LIMITS.quorum_max + 1 } }],
    ['verify.rate', { verify: { mode: 'spotcheck', rate: 0 } }],
    ['verify.rate', { verify: { mode: 'spotcheck' } }],
    ['verify.epsilon', { verify: { mode: 'adaptive', epsilon: Number.NaN } }],
    ['verify.k', { verify: { mode: 'none', k: 2 } }],
    ['artifacts[1]', { artifacts: ['c', 'C'] }],
  ])('a bad %s is refused with its path', (path, patch) => {
    const error = refusal(() => parseContract(Array.isArray(patch) ? patch : { ...MINIMAL, ...patch }))
    expect(error.code).toBe('CONTRACT_INVALID')
    expect(error.path).toBe(path)
    expect(error.hint).toBeTruthy()
    expect(error.status).toBe(400)
  })

  test('text goes through the strict parser', () => {
    const text = JSON.stringify(MINIMAL)
    expect(parseContractText(text)).toEqual(parseContract(MINIMAL))
    expect(refusal(() => parseContractText(`${text.slice(0, -1)},"contract":1}`)).code).toBe(
      'JSON_DUPLICATE_KEY',
    )
  })
})

describe('what is available', () => {
  const available = (patch: object): void => assertAvailable(parseContract({ ...MINIMAL, ...patch }))

  test.each([{ mode: 'none' }, { mode: 'quorum', k: 2 }, { mode: 'quorum', k: 7 }])('verify %o', (verify) => {
    expect(() => available({ verify })).not.toThrow()
  })

  test.each([
    { target: 'cpu' },
    { target: 'gpu' },
    { timeout_ms: 1000 },
    { min_agents: 2 },
    { max_agents: 2 },
  ])('policy %o', (policy) => {
    expect(() => available({ policy })).not.toThrow()
  })

  test.each<[string, object]>([
    ['verify.mode', { verify: { mode: 'spotcheck', rate: 0.1 } }],
    ['verify.mode', { verify: { mode: 'full' } }],
    ['verify.mode', { verify: { mode: 'adaptive', epsilon: 0.01 } }],
    ['verify.mode', { verify: { mode: 'algebraic' } }],
    ['policy.classification', { policy: { classification: 'project' } }],
    ['artifacts', { artifacts: [] }],
    ['inputs.a.kv_version', { inputs: { a: { ...INPUT, kv_version: 1 } } }],
  ])('%s parses and is refused as not yet available', (path, patch) => {
    const error = refusal(() => available(patch))
    expect(error.code).toBe('NOT_YET_AVAILABLE')
    expect(error.path).toBe(path)
    expect(error.hint).toBeTruthy()
  })
})

describe('contract hash', () => {
  const full: ContractInput = {
    contract: 1,
    ctx: { job_id: 'j', trace_id: 't', billing: 'b' },
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: { z: 1, a: { y: [1, 2], b: 'x' } },
    inputs: {
      b: { digest: DIGEST, dtype: 'int8', shape: [3, 4] },
      a: { digest: DIGEST, dtype: 'int8', shape: [2, 3] },
    },
    seed: { mode: 'explicit', value: '7' },
    policy: { target: 'gpu' },
    verify: { mode: 'quorum', k: 3 },
  }

  /** The same value with the keys of every object in another order. */
  function shuffled(value: unknown, rank: (key: string) => number): unknown {
    if (Array.isArray(value)) return value.map((item) => shuffled(item, rank))
    if (typeof value !== 'object' || value === null) return value
    const keys = Object.keys(value).sort((x, y) => rank(x) - rank(y))
    return Object.fromEntries(keys.map((key) => [key, shuffled((value as JsonObject)[key], rank)]))
  }

  test('does not depend on the order of keys', () => {
    const expected = contractHash(parseContract(full))
    property(
      'hash of shuffled contracts',
      [fc.integer()],
      (salt) => {
        const rank = (key: string): number =>
          [...key].reduce(
            (sum, character) => Math.imul(sum + character.charCodeAt(0), 0x9e3779b1) ^ salt,
            salt,
          )
        expect(contractHash(parseContract(shuffled(full, rank)))).toBe(expected)
      },
      100,
    )
  })

  test('does not depend on ctx, nor on writing a default out', () => {
    const expected = contractHash(parseContract(full))
    const { ctx: _, ...bare } = full
    expect(contractHash(parseContract(bare))).toBe(expected)
    expect(contractHash(parseContract({ ...full, ctx: { job_id: 'another' } }))).toBe(expected)
    const explicit = { ...full, policy: { ...full.policy, min_agents: 1, classification: 'public' } }
    expect(contractHash(parseContract(explicit))).toBe(expected)
    expect(canonicalContract(parseContract(full))).not.toContain('ctx')
  })

  test.each<[string, object]>([
    ['op', { op: { ...full.op, version: 2 } }],
    ['args', { args: { ...full.args, z: 2 } }],
    ['inputs', { inputs: { a: full.inputs?.a } }],
    ['seed', { seed: { mode: 'explicit', value: '8' } }],
    ['policy', { policy: { target: 'cpu' } }],
    ['verify', { verify: { mode: 'none' } }],
    ['artifacts', { artifacts: ['c'] }],
  ])('changes with %s', (_name, patch) => {
    expect(contractHash(parseContract({ ...full, ...patch }))).not.toBe(contractHash(parseContract(full)))
  })
})

describe('op names', () => {
  test('are read as they are written', () => {
    for (const text of ['mc@1/gbm.v1', 'tensor@12/matmul.v30']) expect(formatOp(parseOpRef(text))).toBe(text)
  })

  test.each([
    '',
    'mc',
    'mc@0/gbm.v1',
    'mc@1/gbm',
    'mc@01/gbm.v1',
    'MC@1/gbm.v1',
    'mc@1/gbm.v1 ',
    'mc@99999999/gbm.v1',
  ])('%j is none', (text) => {
    expect(refusal(() => parseOpRef(text)).code).toBe('UNKNOWN_OP')
  })
})
