import type { z } from 'zod'
import type { JsonObject } from '../canonical.ts'
import type { Dtype, InputRefs, OpRef } from '../contract.ts'
import type { Stopping } from '../early-stopping.ts'
import type { TableName } from '../numerics/tables/index.ts'
import type { PhiloxKey } from '../seed.ts'

/**
 * What an op is. One folder per op holds an `OpSpec`; `registry.ts` lists them. Everything in it is a pure function of
 * its arguments; together with the seed they are all that determines a result.
 */

/**
 * How a job is cut. A pure function of args and inputs: it never sees agents, load or time, and it is implicit:
 * shard i is computed from i.
 */
export interface Plan<C extends JsonObject = JsonObject> {
  readonly shard_count: number
  /** Cost in integer work units: 1 unit is about one microsecond of one CPU core. */
  readonly work_units: number
  readonly leaf: {
    /** `inline`: at most LIMITS.inline_leaf_bytes, travels in messages and folds. `blob`: stored by digest. */
    readonly kind: 'inline' | 'blob'
    readonly max_bytes: number
  }
  /** Everything planned that the result depends on; part of the replay key. Big integers stand as decimal strings. */
  readonly constants: C
  /**
   * Where a job with a target may stop, in shards from the first, ascending; the last look is at all shards. Absent
   * without a target.
   */
  readonly looks?: readonly number[]
}

/** An operand as the op asks for it. */
export interface InputSpec {
  readonly title: string
  readonly description: string
  readonly dtypes: readonly Dtype[]
  readonly rank: number
}

export type InputBytes = ReadonlyMap<string, Uint8Array>

/** An operand with its bytes: little-endian, row-major. */
export interface Operand {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A contract of an op without what all its golden contracts share. */
export interface GoldenContract {
  readonly args: JsonObject
  readonly operands?: Readonly<Record<string, Operand>>
}

export interface ShardContext<A, C extends JsonObject> {
  readonly args: A
  readonly plan: Plan<C>
  readonly key: PhiloxKey
  readonly inputRefs: InputRefs
}

/**
 * One compute kernel over a job, as a host drives it: group 0, binding 0 the uniform (four dispatch words
 * `first_invocation, end_invocation, first_shard, slot_words`, then `words`), 1 the output, 2 the normal table,
 * 3 the exp2 table, 4 and up the inputs, 15 the log2 table. Shards of a batch lie along y, invocations of a shard along x; a host may cut
 * along either without changing the result.
 */
export interface GpuProgram {
  /** Name under shaders/, e.g. `mc/gbm.v1`. */
  readonly kernel: string
  readonly tables: readonly TableName[]
  readonly words: Uint32Array
  /** Invocations that cover one whole shard. */
  readonly invocations: number
  /**
   * A resumable kernel: its invocations run in stages of so many, and a stage begins when those before it are complete, so
   * that it may read from the slot what they wrote; the limit of loop iterations holds for each. No dispatch crosses a
   * multiple of this number, which is a multiple of 4: its stage is the quotient of first_invocation by it. Absent: all
   * invocations are independent of each other.
   */
  readonly stage_invocations?: number
  /** u32 words of one shard's slot in the output buffer. */
  readonly slot_words: number
  /** Storage buffers from operands, in binding order from 4. `pack` is deterministic and runs once a job. */
  readonly inputs: readonly { readonly name: string; pack(bytes: Uint8Array): Uint32Array }[]
  /**
   * Kernels that compute the same leaves, for devices that run them faster: a device tries them and keeps the fastest. None
   * is normative, and no replay key names one.
   */
  readonly variants?: readonly DeviceVariant[]
  /** The leaf's bytes from its slot (a partial tile is shorter than its slot). */
  leaf(shard: number, slot: Uint32Array): Uint8Array
}

/** What differs from the normative program. */
export interface DeviceVariant
  extends Pick<GpuProgram, 'kernel' | 'words' | 'invocations' | 'slot_words' | 'inputs' | 'leaf'> {
  /** A WGSL language feature without which the kernel does not compile. */
  readonly needs?: 'packed_4x8_integer_dot_product'
}

/** A running estimate of a probabilistic op, in the unit of its headline. */
export interface Estimate {
  readonly samples: number
  readonly value: number
  readonly standard_error: number
}

export interface Artifact {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** Exact, associative and commutative merging of leaves: the order of arrival never shows. */
export interface Fold<A, C extends JsonObject, G> {
  empty(plan: Plan<C>, args: A): G
  /** Adds one leaf, in place. */
  add(aggregate: G, shard: number, leaf: Uint8Array): void
  /** Adds `other` into `aggregate`, in place. Needed by ops that estimate. */
  merge?(aggregate: G, other: G): void
}

/** A number for people: what it is called, its value, its unit, how far off it may be. */
export interface Figure {
  readonly label: string
  readonly value: number | string
  readonly unit?: string
  /** Half-width of the 95 % interval, same unit. Absent: exact. */
  readonly plus_minus?: number
  readonly note?: string
}

export interface Axis {
  readonly label: string
  readonly unit?: string
}

export type ChartSpec =
  | {
      readonly kind: 'histogram'
      readonly title: string
      readonly x: Axis
      readonly edges: readonly number[]
      readonly counts: readonly number[]
    }
  | {
      readonly kind: 'band'
      readonly title: string
      readonly x: Axis
      readonly y: Axis
      readonly points: readonly {
        readonly x: number
        readonly y: number
        readonly low: number
        readonly high: number
      }[]
      /** A known value to compare with, drawn as a line. */
      readonly reference?: { readonly label: string; readonly y: number }
    }
  | {
      readonly kind: 'heatmap'
      readonly title: string
      readonly rows: number
      readonly columns: number
      readonly values: readonly number[]
    }
  | {
      readonly kind: 'image'
      readonly title: string
      /** What the picture shows, in words. */
      readonly description: string
      /** SHA-256 of the artifact with its pixels: RGBA, one byte each, row-major, not premultiplied. */
      readonly digest: string
      readonly width: number
      readonly height: number
    }

export interface Summary {
  readonly headline: Figure
  readonly figures: readonly Figure[]
  readonly charts: readonly ChartSpec[]
  readonly notes: readonly string[]
  /** Of a job with a target: why it ended where it did. Its intervals are sequential ones. */
  readonly stopping?: Stopping & {
    /** In words. */
    readonly target: string
  }
}

/** How an op may stop early. Needs `estimate` and `fold.merge`. */
export interface StoppingSpec<A, C extends JsonObject, G> {
  /** Samples of the first look at least. */
  readonly first_look: number
  /** Samples of a whole shard. */
  shardSamples(plan: Plan<C>): number
  /**
   * How often each kind of outcome has occurred that the interval rests on: nonzero payoffs, and zero ones where a payoff
   * can be zero. Fewer than LEAST_OUTCOMES of one, and the job goes on whatever the standard error says.
   */
  outcomes(aggregate: G, plan: Plan<C>, args: A): readonly number[]
}

/** Estimates after the first 2^j - 1 shards of the plan, and after all that count: the same for every run. */
export type Convergence = readonly ({ readonly shards: number } & Estimate)[]

export interface OpSpec<A extends JsonObject, C extends JsonObject, G, R extends JsonObject> {
  readonly ref: OpRef
  readonly title: string
  /** One paragraph for people. */
  readonly description: string
  /**
   * Strict schema with defaults. Each field carries `.meta({title, description, unit})`, from which forms and
   * documentation are made.
   */
  readonly args: z.ZodType<A>
  readonly inputs: Readonly<Record<string, InputSpec>>
  /** A documented example that runs as it stands (operands excepted). */
  readonly example: A
  /** Tiny contracts, at least one, whose shards an executor must get right before it may run the op for others. */
  golden(): readonly GoldenContract[]
  /** Name of the normative kernel; its digest is in the replay key. */
  readonly kernel: string
  /** The kernel of a contract, where an op has several: it stands in the replay key instead. */
  kernelOf?(args: A): string
  readonly tables: readonly TableName[]
  /** @throws ForgeError ARGS_OUT_OF_RANGE with the path of an argument outside the proven range */
  plan(args: A, inputs: InputRefs): Plan<C>
  /** How any host drives the kernel: a device, or a CPU that runs its WASM module. */
  gpu(context: ShardContext<A, C>): GpuProgram
  /** Invariants that every correct leaf satisfies. @returns what is wrong, or undefined */
  checkLeaf(plan: Plan<C>, shard: number, leaf: Uint8Array): string | undefined
  readonly fold: Fold<A, C, G>
  estimate?(args: A, plan: Plan<C>, aggregate: G): Estimate | undefined
  /** Present where a contract may set `args.convergence`, which the op itself never sees. */
  readonly stopping?: StoppingSpec<A, C, G>
  /** The result: canonical JSON, a pure function of the replay key. */
  reduce(
    args: A,
    plan: Plan<C>,
    aggregate: G,
    convergence: Convergence,
  ): { readonly result: R; readonly artifacts: readonly Artifact[] }
  readonly result: z.ZodType<R>
  summarise(args: A, result: R): Summary
}
