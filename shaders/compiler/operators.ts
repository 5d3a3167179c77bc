import type { Context } from './context.ts'
import { FLOAT_MAX } from './exact-float.ts'
import type { BinaryOp, Expr, Scalar } from './ir.ts'
import { ABSTRACT, sameType, typeName, U32, type WgslType } from './types.ts'
import { scalarOf, type Value } from './values.ts'

const ARITHMETIC = new Set(['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>'])
/** Beside a vector, these take a scalar for each component. */
const SPREADING = new Set(['+', '-', '*', '/', '%'])
const FLOAT_OPERATORS = new Set(['+', '-', '*', '==', '!=', '<', '<=', '>', '>='])
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>='])

/** An operator before a value, component by component. */
export function unaryValue(ctx: Context, operator: string, value: Value, line: number): Value {
  const place = ctx.place(line)
  if (value.literal !== undefined) {
    if (operator === '-')
      return {
        type: ABSTRACT,
        leaves: [ctx.builder.constant('i32', -value.literal)],
        literal: -value.literal,
      }
    if (operator === '~')
      return {
        type: ABSTRACT,
        leaves: [ctx.builder.constant('i32', ~value.literal)],
        literal: ~value.literal,
      }
  }
  const scalar = scalarOf(value.type)
  const op =
    operator === '-' && (scalar === 'i32' || scalar === 'f32')
      ? 'neg'
      : operator === '~' && (scalar === 'u32' || scalar === 'i32')
        ? 'complement'
        : operator === '!' && scalar === 'bool'
          ? 'not'
          : undefined
  if (op === undefined || scalar === undefined)
    throw ctx.refuse(
      line,
      `${operator} of ${typeName(value.type)}`,
      operator === '-' ? 'Negate an i32' : 'Use ~ on integers, ! on bools',
    )
  return { type: value.type, leaves: value.leaves.map((leaf) => ctx.builder.unary(scalar, op, leaf, place)) }
}

/** A binary operator on values, component by component; a scalar beside a vector is spread. */
export function binaryValue(ctx: Context, operator: string, left: Value, right: Value, line: number): Value {
  const shift = operator === '<<' || operator === '>>'
  const a0 =
    left.literal === undefined ? left : shift ? concrete(ctx, left, line) : coerceLike(ctx, left, right, line)
  let b0 =
    right.literal !== undefined
      ? shift
        ? coerce(ctx, right, U32, line)
        : coerceLike(ctx, right, left, line)
      : right
  if (a0.literal !== undefined && b0.literal !== undefined)
    return foldAbstract(ctx, operator, a0.literal, b0.literal, line)
  let a = a0
  const spreads = SPREADING.has(operator)
  if (a.type.k === 'vector' && b0.type.k === 'scalar' && spreads) b0 = spread(ctx, b0, a.type.size)
  if (b0.type.k === 'vector' && a.type.k === 'scalar' && spreads) a = spread(ctx, a, b0.type.size)
  const b = b0
  const scalar = scalarOf(a.type)
  const other = scalarOf(b.type)
  const shapes = a.type.k === b.type.k && a.leaves.length === b.leaves.length
  const agree = scalar !== undefined && shapes && (shift ? other === 'u32' : scalar === other)
  if (!agree)
    throw ctx.refuse(
      line,
      `${typeName(left.type)} ${operator} ${typeName(right.type)}`,
      shift
        ? 'Shift by a u32'
        : shapes
          ? 'Convert one side, for instance by u32() or i32()'
          : 'Make a vector of the scalar: vec4<u32>(x)',
    )
  const op = operatorOf(operator, scalar)
  if (op === undefined) {
    if (scalar === 'f32')
      throw ctx.refuse(
        line,
        `${operator} of f32: it has no exact result`,
        'Use + - * and comparisons of exact integers, or convert by i32() or u32() first',
      )
    const signedDivision = (operator === '/' || operator === '%') && scalar === 'i32'
    throw ctx.refuse(
      line,
      signedDivision
        ? `${operator} of i32: overflow and rounding differ between machines`
        : `${operator} of ${scalar}`,
      signedDivision ? 'Divide magnitudes as u32, then restore the sign' : 'Use an operator of this type',
    )
  }
  const result: Scalar = COMPARISONS.has(operator) ? 'bool' : scalar
  const place = ctx.place(line)
  const type: WgslType =
    a.type.k === 'vector' ? { k: 'vector', of: result, size: a.type.size } : { k: 'scalar', of: result }
  return {
    type,
    leaves: a.leaves.map((leaf, i) => ctx.builder.binary(result, op, leaf, b.leaves[i]!, place)),
  }
}

function operatorOf(operator: string, scalar: Scalar): BinaryOp | undefined {
  if (scalar === 'bool') {
    return ({ '&': 'and', '|': 'or', '==': 'eq', '!=': 'ne' } as const)[operator as '&']
  }
  const signed = scalar !== 'u32'
  if (scalar === 'f32' && !FLOAT_OPERATORS.has(operator)) return undefined
  switch (operator) {
    case '+':
      return 'add'
    case '-':
      return 'sub'
    case '*':
      return 'mul'
    case '/':
      return signed ? undefined : 'div_u'
    case '%':
      return signed ? undefined : 'rem_u'
    case '&':
      return 'and'
    case '|':
      return 'or'
    case '^':
      return 'xor'
    case '<<':
      return 'shl'
    case '>>':
      return signed ? 'shr_s' : 'shr_u'
    case '==':
      return 'eq'
    case '!=':
      return 'ne'
    case '<':
      return signed ? 'lt_s' : 'lt_u'
    case '<=':
      return signed ? 'le_s' : 'le_u'
    case '>':
      return signed ? 'gt_s' : 'gt_u'
    case '>=':
      return signed ? 'ge_s' : 'ge_u'
    default:
      return undefined
  }
}

function foldAbstract(ctx: Context, operator: string, a: number, b: number, line: number): Value {
  if (COMPARISONS.has(operator) || !ARITHMETIC.has(operator) || operator === '/' || operator === '%')
    throw ctx.refuse(line, `${operator} of two literals without types`, 'Give them types: 1u, 1i')
  const exact =
    { '+': a + b, '-': a - b, '*': a * b, '&': a & b, '|': a | b, '^': a ^ b }[operator] ?? Number.NaN
  if (!Number.isSafeInteger(exact))
    throw ctx.refuse(line, 'a constant beyond 32 bits', 'Use smaller constants')
  return { type: ABSTRACT, leaves: [ctx.builder.constant('i32', exact)], literal: exact }
}

function coerceLike(ctx: Context, literal: Value, like: Value, line: number): Value {
  const scalar = scalarOf(like.type)
  return scalar === undefined ? literal : coerce(ctx, literal, { k: 'scalar', of: scalar }, line)
}

/** Gives a value the type that its place asks for: only literals have a choice. */
export function coerce(ctx: Context, value: Value, type: WgslType, line: number): Value {
  if (value.literal === undefined) {
    if (!sameType(value.type, type))
      throw ctx.refuse(
        line,
        `${typeName(value.type)} where ${typeName(type)} is needed`,
        'Convert it, for instance by u32() or i32()',
      )
    return value
  }
  const { literal } = value
  if (type.k !== 'scalar' || type.of === 'bool')
    throw ctx.refuse(line, `${literal} where ${typeName(type)} is needed`, 'Construct the value')
  if (type.of === 'f32' && Math.abs(literal) > FLOAT_MAX)
    throw ctx.refuse(line, `${literal} is beyond the exact integers of f32`, 'Use at most 2^24 in magnitude')
  if (type.of === 'u32' ? literal < 0 || literal >= 2 ** 32 : literal < -(2 ** 31) || literal >= 2 ** 31)
    throw ctx.refuse(line, `${literal} is no ${type.of}`, `Write a literal within the range of ${type.of}`)
  return { type, leaves: [ctx.builder.constant(type.of, literal)] }
}

/** A literal becomes an i32, as WGSL has it where nothing asks for another type. */
export function concrete(ctx: Context, value: Value, line: number): Value {
  return value.literal === undefined ? value : coerce(ctx, value, { k: 'scalar', of: 'i32' }, line)
}

export function spread(ctx: Context, value: Value, size: 2 | 3 | 4): Value {
  const of = scalarOf(value.type)!
  const leaf = ctx.builder.pin(value.leaves[0]!, 'spread')
  return { type: { k: 'vector', of, size }, leaves: Array.from({ length: size }, () => leaf) }
}

export function retype(leaf: Expr, type: Scalar): Expr {
  return leaf.type === type ? leaf : { ...leaf, type }
}
