import { invariant } from '../../kernel/errors.ts'
import type { AstExpr, AstFunction } from './ast.ts'
import type { Context } from './context.ts'
import { lowerExpr } from './expressions.ts'
import type { Expr } from './ir.ts'
import { coerce } from './operators.ts'
import type { Place } from './refusal.ts'
import { VOID, type WgslType } from './types.ts'
import type { Value } from './values.ts'

/**
 * Functions of the prelude that WASM does better than their WGSL bodies. Each is the same function of its arguments;
 * `intrinsics.test.ts` compares both lowerings and BigInt.
 */
const INTRINSICS: Readonly<Record<string, (ctx: Context, leaves: readonly Expr[], place: Place) => Expr[]>> =
  {
    /** The 64-bit product: low word, high word. */
    mul_wide: ({ builder }, [a, b], place) => [
      builder.binary('u32', 'mul', a!, b!, place),
      builder.binary('u32', 'mul_high', a!, b!, place),
    ],
    /** The sum of the products of the signed 16-bit halves: one instruction, i32x4.dot_i16x8_s. */
    dot2_i16: ({ builder }, [a, b], place) => [builder.binary('i32', 'dot2_i16', a!, b!, place)],
    /**
     * Two limbs without a way round zeros. add_limb keeps its body: skipping zeros costs less than four lanes one by one
     * where most of a sum's limbs are zero.
     */
    atomic_add_64: (ctx, [at, low, high], place) => {
      const { builder } = ctx
      const carry = addLimb(ctx, at!, low!, place)
      const next = builder.pin(builder.binary('u32', 'add', at!, builder.constant('u32', 1), place), 'at')
      addLimb(ctx, next, builder.pin(builder.binary('u32', 'add', high!, carry, place), 'high'), place)
      return []
    },
  }

/** @returns the carry out of the limb */
function addLimb(ctx: Context, at: Expr, word: Expr, place: Place): Expr {
  const { builder } = ctx
  const output = ctx.globals.get('output')
  invariant(output?.k === 'place' && output.ref.k === 'memory', 'limbs lie in the output')
  const terms = [{ index: at, stride: 1, count: 0 }]
  const old = builder.local('old', 'u32', true)
  builder.emit({ k: 'atomic', op: 'add', at: { ...output.ref.at, terms, place }, value: word, old })
  const before = builder.get(old)
  const wraps = builder.binary(
    'bool',
    'lt_u',
    builder.binary('u32', 'add', before, word, place),
    before,
    place,
  )
  return builder.pin(
    builder.select('u32', wraps, builder.constant('u32', 1), builder.constant('u32', 0)),
    'carry',
  )
}

/** @returns undefined where the function has no better lowering than its body */
export function lowerIntrinsic(
  ctx: Context,
  fn: AstFunction,
  args: readonly AstExpr[],
  line: number,
): Value | undefined {
  const intrinsic = Object.hasOwn(INTRINSICS, fn.name) ? INTRINSICS[fn.name] : undefined
  if (intrinsic === undefined) return undefined
  const type: WgslType = fn.returnType === null ? VOID : ctx.type(fn.returnType, fn.line)
  const values = ctx.builder.inOrder<Value>(
    fn.args.map((arg, i) => () => coerce(ctx, lowerExpr(ctx, args[i]!), ctx.type(arg.type, arg.line), line)),
  )
  const leaves = values.flatMap((value) => value.leaves.map((leaf) => ctx.builder.pin(leaf, 'factor')))
  const results = intrinsic(ctx, leaves, ctx.place(line))
  return { type, leaves: results.map((leaf) => ctx.builder.pin(leaf, fn.name)) }
}
