import { z } from 'zod'
import { type Aggregate, createAggregate } from './aggregate.ts'
import { canonicalJson, type JsonObject } from './canonical.ts'
import {
  type Contract,
  canonicalContract,
  contractHash,
  formatOp,
  parseContract,
  schemaError,
} from './contract.ts'
import { type HexDigest, sha256Hex } from './digest.ts'
import {
  type EarlyStopping,
  earlyStoppingArgs,
  lookSchedule,
  type Stopping,
  stoppingSchema,
  targetWords,
} from './early-stopping.ts'
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
  /** Where the contract sets a target: what its looks are held against. */
  readonly target: EarlyStopping['target'] | undefined
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
    'ref' | 'title' | 'description' | 'inputs' | 'golden' | 'kernel' | 'tables'
  > {
  readonly id: string
  /** The op's own arguments, and `convergence` where it may stop early. */
  readonly args: z.ZodType<JsonObject>
  readonly result: OpSpec<JsonObject, JsonObject, unknown, JsonObject>['result']
  readonly example: JsonObject
  /** Where an op has several kernels: that of a contract's arguments. */
  kernelOf?(args: JsonObject): string
  prepare(contract: Contract): PreparedJob
}

/** Closes over an op's types, so that everything outside its folder handles one kind of op. */
export function defineOp<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
): Op {
  const args = argsWithTarget(spec)
  const op: Op = {
    id: formatOp(spec.ref),
    ref: spec.ref,
    title: spec.title,
    description: spec.description,
    inputs: spec.inputs,
    golden: spec.golden,
    kernel: spec.kernel,
    ...(spec.kernelOf === undefined
      ? {}
      : { kernelOf: (args: JsonObject) => spec.kernelOf?.(args as A) ?? spec.kernel }),
    tables: spec.tables,
    args,
    result: spec.result,
    example: spec.example,
    prepare: (contract) => prepareWith(spec, op, contract),
  }
  return op
}

/** An op's arguments as a contract gives them: with `convergence` where it may stop early. */
function argsWithTarget<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>({
  args,
  stopping,
}: Pick<OpSpec<A, C, G, R>, 'args' | 'stopping'>): z.ZodType<JsonObject> {
  if (stopping === undefined) return args
  invariant(args instanceof z.ZodObject, 'the arguments of an op that may stop early are an object')
  return args.safeExtend({
    convergence: earlyStoppingArgs(stopping.first_look).exactOptional(),
  }) as unknown as z.ZodType<JsonObject>
}

/** What an op is told of a contract's arguments, and what is decided without it. */
function splitArgs<A extends JsonObject>(
  parsed: JsonObject,
): { readonly args: A; readonly stopping: EarlyStopping | undefined } {
  const { convergence, ...args } = parsed
  // Both have passed the schemas: `convergence` is only known where argsWithTarget adds it.
  return { args: args as unknown as A, stopping: convergence as unknown as EarlyStopping | undefined }
}

/** What of a plan determines results and digests. */
function planMaterial({ shard_count, leaf, constants, looks }: Plan): JsonObject {
  return { shard_count, leaf: { ...leaf }, constants, ...(looks === undefined ? {} : { looks }) }
}

/**
 * Replay key: SHA-256 of the canonical form of exactly what determines the result. Not `ctx`, `policy`, `verify`.
 * The byte layout is specified in docs/spec/contract.md.
 */
export function replayKeyMaterial(
  spec: Pick<Op, 'ref' | 'kernel' | 'kernelOf' | 'tables'>,
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
    plan: planMaterial(plan),
    kernel: kernelDigestOf(spec, contract),
    tables: Object.fromEntries(spec.tables.map((name) => [name, TABLES[name].sha256])),
  }
}

function kernelDigestOf(op: Pick<Op, 'kernel' | 'kernelOf'>, { args }: Contract): HexDigest {
  const kernel = op.kernelOf?.(args) ?? op.kernel
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
  op: Op,
  raw: Contract,
): PreparedJob {
  const parsed = op.args.safeParse(raw.args)
  if (!parsed.success) throw schemaError(parsed.error, 'ARGS_OUT_OF_RANGE', 'args')
  // Agents and referee read the canonical text, in which -0 is 0: plan here from the same arguments.
  const contract: Contract = { ...raw, args: JSON.parse(canonicalJson(parsed.data)) as JsonObject }
  const { args, stopping } = splitArgs<A>(contract.args)
  checkInputs(spec.inputs, raw)
  const cut = spec.plan(args, contract.inputs)
  const plan = stopping === undefined ? cut : { ...cut, looks: looksOf(spec, cut, stopping) }
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
  const material = canonicalJson(replayKeyMaterial(op, contract, plan))
  const inputRefs = contract.inputs
  const canonical = canonicalContract(contract)
  const context = { args, plan, key, inputRefs }
  let program: GpuProgram | undefined
  return {
    contract,
    canonical,
    contractHash: contractHash(contract),
    replayKey: sha256Hex(material),
    kernelDigest: kernelDigestOf(op, contract),
    tables: spec.tables,
    replayKeyMaterial: material,
    planDigest: sha256Hex(canonicalJson(planMaterial(plan))),
    op: formatOp(spec.ref),
    plan,
    target: stopping?.target,
    gpu: () => (program ??= spec.gpu(context)),
    checkLeaf(shard, leaf) {
      if (leaf.length > plan.leaf.max_bytes)
        return `a leaf of ${leaf.length} bytes; at most ${plan.leaf.max_bytes}`
      return spec.checkLeaf(plan, shard, leaf)
    },
    newAggregate: () => createAggregate(spec, args, plan, stopping?.target),
    summarise(result) {
      const stopped = stopping === undefined ? undefined : stoppedResult.safeParse(result)
      const checked = spec.result.safeParse(stopped?.success ? stopped.data.rest : result)
      if (!checked.success)
        throw new ForgeError('INTERNAL', `a stored result is not one of ${formatOp(spec.ref)}`, {
          cause: checked.error,
        })
      const summary = spec.summarise(args, checked.data)
      return stopping !== undefined && stopped?.success
        ? withStopping(summary, stopped.data.stopping, stopping.target)
        : summary
    },
  }
}

/** A result of a job with a target: the op's own fields, and `stopping`. */
const stoppedResult = z
  .looseObject({ stopping: stoppingSchema })
  .transform(({ stopping, ...rest }) => ({ stopping, rest }))

function withStopping(summary: Summary, stopping: Stopping, target: EarlyStopping['target']): Summary {
  const looks = `${stopping.looks.length} ${stopping.looks.length === 1 ? 'look' : 'looks'}`
  const why =
    stopping.reason === 'target'
      ? `The target was met at ${stopping.samples} samples, after ${looks}.`
      : `The target was not met: the job ran to its maximum of ${stopping.samples} samples, with ${looks}.`
  return {
    ...summary,
    notes: [
      `${why} The interval is a sequential one: it is stated at a point that the data chose.`,
      ...summary.notes,
    ],
    stopping: { ...stopping, target: targetWords(target) },
  }
}

function looksOf<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  plan: Plan<C>,
  { schedule }: EarlyStopping,
): readonly number[] {
  invariant(spec.stopping !== undefined, 'a target only where the op may stop')
  return lookSchedule(schedule, spec.stopping.shardSamples(plan), plan.shard_count)
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
