import { expect } from 'vitest'
import { canonicalJson, type JsonObject } from '../canonical.ts'
import type { InputRefs } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import type { PhiloxKey } from '../seed.ts'
import type { InputBytes, OpSpec, Plan } from './op.ts'
import { referenceOf } from './references.test-support.ts'

/** What holds for every op, whatever it computes. */

export interface OpRun<A, C extends JsonObject> {
  readonly args: A
  readonly plan: Plan<C>
  readonly key: PhiloxKey
  readonly inputRefs: InputRefs
  readonly inputs: InputBytes
}

/** A contract of an op, planned. */
export function runOf<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  args: JsonObject,
  key: PhiloxKey = [0x243f6a88, 0x85a308d3],
  inputRefs: InputRefs = {},
  inputs: InputBytes = new Map(),
): OpRun<A, C> {
  const parsed = spec.args.parse(args)
  return { args: parsed, plan: spec.plan(parsed, inputRefs), key, inputRefs, inputs }
}

export function leavesOf<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  run: OpRun<A, C>,
): Uint8Array[] {
  return Array.from({ length: run.plan.shard_count }, (_, shard) => referenceOf(spec, run, shard))
}

export function foldOf<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  run: OpRun<A, C>,
  leaves: readonly Uint8Array[],
  order: readonly number[] = leaves.map((_, shard) => shard),
): G {
  const aggregate = spec.fold.empty(run.plan, run.args)
  for (const shard of order) spec.fold.add(aggregate, shard, leaves[shard] as Uint8Array)
  return aggregate
}

/** The result over the whole plan, by the reference. */
export function resultOf<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  run: OpRun<A, C>,
): R {
  return spec.reduce(run.args, run.plan, foldOf(spec, run, leavesOf(spec, run)), []).result
}

/**
 * Runs a plan of at least two shards and asserts: leaves are of the planned size and pass their check, only for their
 * own shard's size; folding does not show the order, and merging folds is folding; the result is of its schema and
 * canonical; the summary's numbers are finite; the kernel's words are whole 16-byte rows.
 */
export function expectLaws<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  run: OpRun<A, C>,
): R {
  const { plan, args } = run
  const count = plan.shard_count
  expect(count).toBeGreaterThan(1)
  expect(Number.isSafeInteger(plan.work_units) && plan.work_units > 0).toBe(true)
  expect(plan.leaf.max_bytes).toBeLessThanOrEqual(LIMITS.inline_leaf_bytes)
  const leaves = leavesOf(spec, run)
  for (const [shard, leaf] of leaves.entries()) {
    expect(leaf.length).toBe(plan.leaf.max_bytes)
    expect(spec.checkLeaf(plan, shard, leaf)).toBeUndefined()
  }
  expect(spec.checkLeaf(plan, 0, (leaves[0] as Uint8Array).subarray(4))).toContain('bytes')
  expect(() => referenceOf(spec, run, count)).toThrow()

  const whole = foldOf(spec, run, leaves)
  expect(
    foldOf(
      spec,
      run,
      leaves,
      leaves.map((_, shard) => count - 1 - shard),
    ),
  ).toEqual(whole)
  if (spec.fold.merge !== undefined) {
    const merged = foldOf(spec, run, leaves, [count - 1])
    spec.fold.merge(
      merged,
      foldOf(
        spec,
        run,
        leaves,
        leaves.slice(0, -1).map((_, shard) => shard),
      ),
    )
    expect(merged).toEqual(whole)
  }
  const estimate = spec.estimate?.(args, plan, whole)
  const convergence = estimate === undefined ? [] : [{ shards: count, ...estimate }]
  const { result } = spec.reduce(args, plan, whole, convergence)
  expect(spec.result.parse(JSON.parse(canonicalJson(result)))).toEqual(result)
  const summary = spec.summarise(args, result)
  for (const figure of [summary.headline, ...summary.figures]) {
    for (const value of [figure.value, figure.plus_minus ?? 0]) {
      if (typeof value === 'number') expect(Number.isFinite(value), figure.label).toBe(true)
    }
  }
  const { inputs: _, ...context } = run
  const program = spec.gpu(context)
  expect(program.words.length % 4).toBe(0)
  expect(4 * program.slot_words).toBe(plan.leaf.max_bytes)
  expect(program.kernel).toBe(spec.kernelOf?.(args) ?? spec.kernel)
  return result
}
