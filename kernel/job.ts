import { type Aggregate, createAggregate } from './aggregate.ts'
import { canonicalJson, type Json, type JsonObject } from './canonical.ts'
import {
  type Contract,
  canonicalContract,
  contractHash,
  formatOp,
  parseContract,
  schemaError,
} from './contract.ts'
import { type HexDigest, sha256Hex } from './digest.ts'
import { ForgeError, invariant } from './errors.ts'
import { KERNEL_DIGESTS } from './generated/kernel-digests.ts'
import { LIMITS } from './limits.ts'
import { TABLES, type TableName } from './numerics/tables/index.ts'
import type { GpuProgram, OpSpec, Plan, Summary } from './ops/op.ts'
import { philoxKey, type SeedMaterial, seedMaterial } from './seed.ts'

/** Version of the execution semantics as a whole: seeds, plans, digests. A change that alters any result raises it. */
export const KERNEL_SEMANTICS = 1

/**
 * A contract made ready: every pure consequence of it. Hub, agents, referee and verifier all start from here, so none
 * of them can plan differently from another.
 */
export interface PreparedJob {
  /** Fully parsed: the op's defaults are filled in. */
  readonly contract: Contract
  readonly canonical: string
  readonly contractHash: HexDigest
  readonly replayKey: HexDigest
  readonly planDigest: HexDigest
  /** SHA-256 of the normative kernel. */
  readonly kernelDigest: HexDigest
  readonly tables: readonly TableName[]
  /** Canonical form of what the replay key is the digest of. */
  readonly replayKeyMaterial: string
  /** `mc@1/gbm.v1`. */
  readonly op: string
  readonly plan: Plan
  /** The kernel as any host drives it. */
  gpu(): GpuProgram
  checkLeaf(shard: number, leaf: Uint8Array): string | undefined
  newAggregate(): Aggregate
  /** @throws ForgeError INTERNAL when the value is not a result of this op */
  summarise(result: unknown): Summary
}

/** An op without its type parameters: what the registry holds. */
export interface Op
  extends Pick<
    OpSpec<JsonObject, JsonObject, unknown, JsonObject>,
    'ref' | 'title' | 'description' | 'inputs' | 'kernel' | 'tables'
  > {
  readonly id: string
  readonly args: OpSpec<JsonObject, JsonObject, unknown, JsonObject>['args']
  readonly example: JsonObject
  prepare(contract: Contract): PreparedJob
}

/** Closes over an op's types, so that everything outside its folder handles one kind of op. */
export function defineOp<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
): Op {
  return {
    id: formatOp(spec.ref),
    ref: spec.ref,
    title: spec.title,
    description: spec.description,
    inputs: spec.inputs,
    kernel: spec.kernel,
    tables: spec.tables,
    args: spec.args,
    example: spec.example,
    prepare: (contract) => prepareWith(spec, contract),
  }
}

/**
 * Replay key: SHA-256 of the canonical form of exactly what determines the result. Not `ctx`, `policy`, `verify`.
 * The byte layout is specified in docs/spec/contract.md.
 */
export function replayKeyMaterial(
  spec: Pick<Op, 'ref' | 'kernel' | 'tables'>,
  contract: Contract,
  plan: Plan,
): JsonObject {
  return {
    replay_key: 1,
    kernel_semantics: KERNEL_SEMANTICS,
    op: { ...spec.ref },
    args: contract.args,
    seed: { ...seedMaterialOf(contract) },
    inputs: contract.inputs as unknown as JsonObject,
    plan: { shard_count: plan.shard_count, leaf: { ...plan.leaf }, constants: plan.constants },
    kernel: kernelDigestOf(spec.kernel),
    tables: Object.fromEntries(spec.tables.map((name) => [name, TABLES[name].sha256])),
  }
}

function kernelDigestOf(kernel: string): HexDigest {
  const digest = KERNEL_DIGESTS[kernel]
  invariant(digest !== undefined, `no digest of kernel ${kernel}`)
  return digest
}

/** What the seed of a contract with every default written out stands for. */
export function seedMaterialOf(contract: Contract): SeedMaterial {
  return seedMaterial(contract.seed, contract.op, contract.args, contract.inputs)
}

function prepareWith<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  raw: Contract,
): PreparedJob {
  const parsed = spec.args.safeParse(raw.args)
  if (!parsed.success) throw schemaError(parsed.error, 'ARGS_OUT_OF_RANGE', 'args')
  // Agents and referee read the canonical text, in which -0 is 0: plan here from the same arguments.
  const args = JSON.parse(canonicalJson(parsed.data)) as A
  checkInputs(spec.inputs, raw)
  const contract: Contract = { ...raw, args }
  const plan = spec.plan(args, contract.inputs)
  invariant(Number.isSafeInteger(plan.shard_count) && plan.shard_count >= 1, 'a plan has at least one shard')
  if (plan.shard_count > LIMITS.shards) {
    throw new ForgeError(
      'ARGS_OUT_OF_RANGE',
      `the plan has ${plan.shard_count} shards; the limit is ${LIMITS.shards}`,
      {
        path: 'args',
        hint: 'Ask for less work in one contract, or split it over several seeds.',
      },
    )
  }
  const key = philoxKey(seedMaterialOf(contract))
  const material = canonicalJson(replayKeyMaterial(spec, contract, plan))
  const inputRefs = contract.inputs
  const canonical = canonicalContract(contract)
  const context = { args, plan, key, inputRefs }
  let program: GpuProgram | undefined
  return {
    contract,
    canonical,
    contractHash: contractHash(contract),
    replayKey: sha256Hex(material),
    kernelDigest: kernelDigestOf(spec.kernel),
    tables: spec.tables,
    replayKeyMaterial: material,
    planDigest: sha256Hex(
      canonicalJson({
        shard_count: plan.shard_count,
        leaf: { ...plan.leaf },
        constants: plan.constants,
      } as unknown as Json),
    ),
    op: formatOp(spec.ref),
    plan,
    gpu: () => (program ??= spec.gpu(context)),
    checkLeaf(shard, leaf) {
      if (leaf.length > plan.leaf.max_bytes)
        return `a leaf of ${leaf.length} bytes; at most ${plan.leaf.max_bytes}`
      return spec.checkLeaf(plan, shard, leaf)
    },
    newAggregate: () => createAggregate(spec, args, plan),
    summarise(result) {
      const checked = spec.result.safeParse(result)
      if (!checked.success)
        throw new ForgeError('INTERNAL', `a stored result is not one of ${formatOp(spec.ref)}`, {
          cause: checked.error,
        })
      return spec.summarise(args, checked.data)
    },
  }
}

function checkInputs(specs: Op['inputs'], contract: Contract): void {
  for (const name of Object.keys(contract.inputs)) {
    // Not `specs[name]`: "constructor" is a name that every object answers to.
    if (!Object.hasOwn(specs, name)) {
      throw new ForgeError('INPUT_INVALID', `this op has no input "${name}"`, {
        path: `inputs.${name}`,
        hint: `Its inputs: ${Object.keys(specs).join(', ') || 'none'}.`,
      })
    }
  }
  for (const [name, spec] of Object.entries(specs)) {
    const input = Object.hasOwn(contract.inputs, name) ? contract.inputs[name] : undefined
    if (input === undefined)
      throw new ForgeError('INPUT_MISSING', `the input "${name}" is missing`, {
        path: `inputs.${name}`,
        hint: spec.description,
      })
    if (!spec.dtypes.includes(input.dtype)) {
      throw new ForgeError('INPUT_INVALID', `the input "${name}" has dtype ${input.dtype}`, {
        path: `inputs.${name}.dtype`,
        hint: `Use one of: ${spec.dtypes.join(', ')}.`,
      })
    }
    if (input.shape.length !== spec.rank) {
      throw new ForgeError('INPUT_INVALID', `the input "${name}" has rank ${input.shape.length}`, {
        path: `inputs.${name}.shape`,
        hint: `Its shape has ${spec.rank} numbers.`,
      })
    }
  }
}

/** Registers ops by id. */
export class OpRegistry {
  readonly #ops: ReadonlyMap<string, Op>

  constructor(ops: readonly Op[]) {
    this.#ops = new Map(ops.map((op) => [op.id, op]))
    invariant(this.#ops.size === ops.length, 'two ops share an id')
  }

  list(): readonly Op[] {
    return [...this.#ops.values()]
  }

  /** @throws ForgeError UNKNOWN_OP */
  get(id: string): Op {
    const op = this.#ops.get(id)
    if (op === undefined) {
      throw new ForgeError('UNKNOWN_OP', `there is no op ${id}`, {
        path: 'op',
        hint: `Known ops: ${[...this.#ops.keys()].join(', ')}.`,
      })
    }
    return op
  }

  /** Contract (any JSON) to prepared job. @throws ForgeError as the contract's schema, the op's schema and its plan do */
  prepare(value: unknown): PreparedJob {
    const contract = parseContract(value)
    return this.get(formatOp(contract.op)).prepare(contract)
  }
}
