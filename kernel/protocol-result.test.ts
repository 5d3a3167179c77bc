import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PackedLeaves } from './leaves.ts'
import { LIMITS } from './limits.ts'
import { PROTOCOL_VERSION, type ResultInput, resultInput } from './protocol.ts'
import { readResult, spreadLeaves } from './protocol-result.ts'

const bytes = (length: number) => new Uint8Array(length)
const good: ResultInput = {
  v: PROTOCOL_VERSION,
  session: 'session-1',
  lease_id: '1-2',
  epoch: 3,
  executor: 'wasm',
  digests: bytes(64),
  result_root: bytes(32),
  leaves: [bytes(64), bytes(0)],
  elapsed_ms: 1.5,
  signature: bytes(64),
}

/** Values at and beyond every limit, and of every wrong kind. */
const parts: { readonly [K in keyof ResultInput]: readonly unknown[] } = {
  v: [PROTOCOL_VERSION, PROTOCOL_VERSION + 1, '1', undefined, null],
  session: ['a', '', 'x'.repeat(64), 'x'.repeat(65), 'a b', 7, null],
  lease_id: ['1-2', 'ä', [], undefined],
  epoch: [0, -1, 0.5, Number.MAX_SAFE_INTEGER, 2 ** 53, Number.NaN, '1'],
  executor: ['webgpu', 'wasm', 'cpu', 'gpu', '', null],
  digests: [
    bytes(32),
    bytes(0),
    bytes(33),
    bytes(32 * LIMITS.lease_shards),
    bytes(32 * LIMITS.lease_shards + 32),
    'x',
  ],
  result_root: [bytes(32), bytes(31), [], null],
  leaves: [
    [],
    [bytes(LIMITS.inline_leaf_bytes)],
    [bytes(LIMITS.inline_leaf_bytes + 1)],
    [bytes(1), 'x'],
    new Array(3),
    new Array(LIMITS.lease_shards + 1).fill(bytes(0)),
    bytes(3),
    {},
  ],
  elapsed_ms: [0, -1, 86_400_000, 86_400_001, Number.NaN, Number.POSITIVE_INFINITY, '1'],
  signature: [bytes(64), bytes(63), null],
}

it('reads exactly what the schema reads', () => {
  const input = fc
    .record(
      Object.fromEntries(
        Object.entries(parts).map(([key, values]) => [
          key,
          fc.oneof(
            { weight: 9, arbitrary: fc.constant(good[key as keyof ResultInput]) },
            fc.constantFrom(...values),
          ),
        ]),
      ),
      { requiredKeys: Object.keys(parts).slice(0, 9) },
    )
    .chain((value) =>
      fc.oneof(
        { weight: 4, arbitrary: fc.constant<unknown>(value) },
        fc.constant<unknown>({ ...value, extra: 1 }),
        fc.jsonValue(),
      ),
    )
  let read = 0
  fc.assert(
    fc.property(input, (value) => {
      const { success } = resultInput.safeParse(value)
      expect(readResult(value)).toBe(success ? value : undefined)
      if (success) read++
    }),
    { numRuns: 500 },
  )
  expect(read).toBeGreaterThan(100)
})

it.each([
  ['as many as a lease may have', 1, LIMITS.lease_shards],
  ['one more', 1, LIMITS.lease_shards + 1],
  ['as large as they may be', LIMITS.inline_leaf_bytes, 2],
  ['a byte larger', LIMITS.inline_leaf_bytes + 1, 2],
  ['none', 7, 0],
])('reads packed leaves as the schema reads them spread: %s', (_, size, count) => {
  const input = { ...good, leaves: new PackedLeaves(bytes(size * count), 0, size, size, count) }
  expect(readResult(input) !== undefined).toBe(resultInput.safeParse(spreadLeaves(input)).success)
})

it('reads every value at a limit as the schema does', () => {
  for (const [key, values] of Object.entries(parts)) {
    for (const value of values) {
      const input = { ...good, [key]: value }
      expect(readResult(input) !== undefined, `${key}: ${String(value).slice(0, 20)}`).toBe(
        resultInput.safeParse(input).success,
      )
    }
  }
})
