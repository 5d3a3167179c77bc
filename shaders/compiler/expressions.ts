import type { AstExpr, AstPostfix } from './ast.ts'
import type { Context } from './context.ts'
import { FLOAT_MAX } from './exact-float.ts'
import type { Expr } from './ir.ts'
import { binaryValue, coerce, retype, unaryValue } from './operators.ts'
import { ABSTRACT, BOOL, leavesOf, sameType, strideOf, typeName, U32, type WgslType } from './types.ts'
import { elementRef, partRef, type Ref, readRef, scalarOf, type Value } from './values.ts'

const COMPONENTS = ['xyzw', 'rgba']
/** @throws KernelRefusal where the expression is not in Tier A, or its types do not agree */
export function lowerExpr(ctx: Context, expr: AstExpr): Value {
  const base = lowerOperand(ctx, expr)
  if (base.k === 'ref') {
    const { ref } = base
    if (ref.k === 'memory' && containsAtomic(ref.type))
      throw ctx.refuse(
        expr.line,
        'an atomic is read like a value',
        'Use atomicAdd and the like, or a buffer without atomics',
      )
    return readRef(ctx.builder, ref, () =>
      ctx.refuse(expr.line, `${typeName(ref.type)} is read as a whole`, 'Read its elements one by one'),
    )
  }
  return base.value
}

type Lowered = { readonly k: 'ref'; readonly ref: Ref } | { readonly k: 'value'; readonly value: Value }

function lowerOperand(ctx: Context, expr: AstExpr): Lowered {
  const place = lowerPlace(ctx, expr)
  if (place?.swizzle === undefined && place !== undefined) return { k: 'ref', ref: place.ref }
  let value =
    place === undefined
      ? lowerPrimary(ctx, expr)
      : readRef(ctx.builder, place.ref, () => ctx.refuse(expr.line, 'too large a value', 'Read its parts'))
  const first = place === undefined ? expr.postfix : (place.swizzle ?? null)
  for (let postfix: AstPostfix | null = first; postfix !== null; postfix = postfix.postfix) {
    value =
      postfix.astNodeType === 'stringExpr'
        ? component(ctx, value, postfix.value, postfix.line)
        : elementOf(ctx, value, lowerIndex(ctx, postfix.index), postfix.line)
  }
  return { k: 'value', value }
}

/** The place that an expression names, or undefined where it is a value. */
export function lowerRef(ctx: Context, expr: AstExpr): Ref | undefined {
  return lowerPlace(ctx, expr)?.ref
}

type Swizzle = AstPostfix & { readonly astNodeType: 'stringExpr' }

/** The place, and where the rest of the expression begins to take a vector's components from its value. */
function lowerPlace(
  ctx: Context,
  expr: AstExpr,
): { readonly ref: Ref; readonly swizzle?: Swizzle } | undefined {
  let ref: Ref | undefined
  if (expr.astNodeType === 'varExpr') {
    const symbol = ctx.lookup(expr.name)
    if (symbol?.k === 'place' || symbol?.k === 'pointer') ref = symbol.ref
  } else if (expr.astNodeType === 'unaryOp' && expr.operator === '*') {
    ref = lowerPointer(ctx, expr.right)
    if (ref === undefined)
      throw ctx.refuse(expr.line, 'something other than a pointer is followed', 'Name the variable')
  }
  if (ref === undefined) return undefined
  for (let postfix: AstPostfix | null = expr.postfix; postfix !== null; postfix = postfix.postfix) {
    const { line } = postfix
    if (postfix.astNodeType === '') {
      const index = lowerIndex(ctx, postfix.index)
      ref = elementRef(ref, index, ctx.place(line), strideOf, (reason, instead) =>
        ctx.refuse(line, reason, instead),
      )
      continue
    }
    const { type } = ref
    if (type.k === 'struct') {
      const name = postfix.value
      const member = type.members.find((candidate) => candidate.name === name)
      if (member === undefined)
        throw ctx.refuse(line, `${type.name} has no member ${name}`, 'Name one of its members')
      ref = partRef(ref, member.type, member.leaf, member.word)
    } else if (type.k === 'vector') {
      if (postfix.value.length > 1) return { ref, swizzle: postfix }
      const at = componentIndex(ctx, type.size, postfix.value, line)
      ref = partRef(ref, { k: 'scalar', of: type.of }, at, at)
    } else
      throw ctx.refuse(line, `${typeName(type)} has no .${postfix.value}`, 'Name a member or a component')
  }
  return { ref }
}

/** `&place`, or the name of a pointer. */
export function lowerPointer(ctx: Context, expr: AstExpr): Ref | undefined {
  if (expr.astNodeType === 'unaryOp' && expr.operator === '&') return lowerRef(ctx, expr.right)
  if (expr.astNodeType === 'varExpr' && expr.postfix === null) {
    const symbol = ctx.lookup(expr.name)
    if (symbol?.k === 'pointer') return symbol.ref
  }
  return undefined
}

function lowerIndex(ctx: Context, expr: AstExpr): Expr {
  const value = lowerExpr(ctx, expr)
  const index = value.type.k === 'abstract' ? coerce(ctx, value, U32, expr.line) : value
  if (index.type.k !== 'scalar' || index.type.of === 'bool' || index.type.of === 'f32')
    throw ctx.refuse(expr.line, `an index of type ${typeName(index.type)}`, 'Use a u32')
  return ctx.builder.pin(index.leaves[0]!, 'index')
}

function lowerPrimary(ctx: Context, expr: AstExpr): Value {
  switch (expr.astNodeType) {
    case 'literalExpr':
      return lowerLiteral(ctx, expr)
    case 'varExpr': {
      const symbol = ctx.lookup(expr.name)
      if (symbol?.k === 'value') return symbol.value
      throw ctx.refuse(expr.line, `${expr.name} is not declared`, 'Declare it before its use')
    }
    case 'constExpr':
      return lowerExpr(ctx, expr.initializer)
    case 'unaryOp':
      return unaryValue(ctx, expr.operator, lowerExpr(ctx, expr.right), expr.line)
    case 'binaryOp':
      return lowerBinary(ctx, expr)
    case 'callExpr':
      return ctx.call(ctx, expr.name, expr.args ?? [], expr.line, true)
    case 'createExpr':
    case 'typecastExpr':
      if (expr.type === null) throw ctx.refuse(expr.line, 'a value without a type', 'Name its type')
      return ctx.construct(ctx, expr.type, expr.args ?? [], expr.line)
    case 'bitcastExpr': {
      const value = lowerExpr(ctx, expr.value)
      const to = ctx.type(expr.type!, expr.line)
      const from = scalarOf(value.type)
      const target = scalarOf(to)
      if (from === 'f32' || target === 'f32')
        throw ctx.refuse(
          expr.line,
          'a bitcast of f32: the sign of its zero, and small numbers, differ from device to device',
          'Convert by f32(), and back by i32() or u32()',
        )
      if (
        from === undefined ||
        target === undefined ||
        from === 'bool' ||
        target === 'bool' ||
        leavesOf(to).length !== value.leaves.length
      )
        throw ctx.refuse(
          expr.line,
          `a bitcast from ${typeName(value.type)} to ${typeName(to)}`,
          'Cast between u32 and i32',
        )
      return { type: to, leaves: value.leaves.map((leaf) => retype(leaf, target)) }
    }
    default:
      throw ctx.refuse(
        expr.line,
        'an expression that Tier A does not have',
        'Write it in u32 and i32 arithmetic',
      )
  }
}

function lowerLiteral(ctx: Context, expr: AstExpr & { astNodeType: 'literalExpr' }): Value {
  const name = expr.type.name
  const data = expr.value.data ?? []
  if (name === 'bool' && data.length === 1)
    return { type: BOOL, leaves: [ctx.builder.constant('bool', data[0] === 0 ? 0 : 1)] }
  if (name === 'x32' && data.length === 1 && Number.isInteger(data[0])) {
    return { type: ABSTRACT, leaves: [ctx.builder.constant('i32', data[0]!)], literal: data[0]! }
  }
  const type = ctx.type(expr.type, expr.line)
  const types = leavesOf(type)
  const values = expr.value.buffer !== undefined ? [...new Uint32Array(expr.value.buffer)] : Array.from(data)
  if (values.length !== types.length)
    throw ctx.refuse(
      expr.line,
      `a constant of type ${typeName(type)}`,
      'Use constants of scalars, vectors and arrays of them',
    )
  for (const [i, value] of values.entries()) {
    const inRange =
      types[i] === 'f32'
        ? Math.abs(value) <= FLOAT_MAX
        : types[i] === 'i32'
          ? value >= -(2 ** 31) && value < 2 ** 32
          : value >= 0 && value < 2 ** 32
    if (!Number.isInteger(value) || !inRange)
      throw types[i] === 'f32'
        ? ctx.refuse(
            expr.line,
            `the f32 ${value}: only integers of at most 2^24 in magnitude are exact in all arithmetic`,
            'Write such an integer, or use fixed point',
          )
        : ctx.refuse(expr.line, `the constant ${value} is no ${types[i]}`, 'Write an integer of that type')
  }
  return { type, leaves: values.map((value, i) => ctx.builder.constant(types[i]!, value)) }
}

function lowerBinary(ctx: Context, expr: AstExpr & { astNodeType: 'binaryOp' }): Value {
  const { operator, line } = expr
  if (operator === '&&' || operator === '||') return lowerShortCircuit(ctx, expr)
  const [left, right] = ctx.builder.inOrder<Value>([
    () => lowerExpr(ctx, expr.left),
    () => lowerExpr(ctx, expr.right),
  ])
  return binaryValue(ctx, operator, left!, right!, line)
}

function lowerShortCircuit(ctx: Context, expr: AstExpr & { astNodeType: 'binaryOp' }): Value {
  const { builder } = ctx
  const isAnd = expr.operator === '&&'
  const place = ctx.place(expr.line)
  const left = lowerExpr(ctx, expr.left)
  let right: Value | undefined
  const statements = builder.collect(() => {
    right = lowerExpr(ctx, expr.right)
  })
  if (!sameType(left.type, BOOL) || right === undefined || !sameType(right.type, BOOL))
    throw ctx.refuse(expr.line, `${expr.operator} of something other than bools`, 'Compare first')
  const a = left.leaves[0]!
  const b = right.leaves[0]!
  if (statements.length === 0)
    return { type: BOOL, leaves: [builder.binary('bool', isAnd ? 'and' : 'or', a, b, place)] }
  // The right side counts only where the left one leaves it open: `left && right` with right false elsewhere.
  const first = builder.pin(a, 'left')
  const second = builder.local('right', 'bool')
  builder.emit({ k: 'set', local: second, value: builder.constant('bool', isAnd ? 0 : 1) })
  builder.emit({
    k: 'if',
    when: isAnd ? first : builder.not(first, place),
    yes: [...statements, { k: 'set', local: second, value: b }],
    no: [],
  })
  const pinned = builder.pin(builder.get(second), 'right')
  return { type: BOOL, leaves: [builder.binary('bool', isAnd ? 'and' : 'or', first, pinned, place)] }
}

function component(ctx: Context, value: Value, name: string, line: number): Value {
  const { type } = value
  if (type.k === 'struct') {
    const member = type.members.find((candidate) => candidate.name === name)
    if (member === undefined)
      throw ctx.refuse(line, `${type.name} has no member ${name}`, 'Name one of its members')
    return {
      type: member.type,
      leaves: value.leaves.slice(member.leaf, member.leaf + leavesOf(member.type).length),
    }
  }
  if (type.k !== 'vector')
    throw ctx.refuse(line, `${typeName(type)} has no .${name}`, 'Name a component of a vector')
  const leaves = [...name].map((letter) => value.leaves[componentIndex(ctx, type.size, letter, line)]!)
  if (leaves.length === 1) return { type: { k: 'scalar', of: type.of }, leaves }
  if (leaves.length > 4) throw ctx.refuse(line, `.${name} is longer than four`, 'Name up to four components')
  return { type: { k: 'vector', of: type.of, size: leaves.length as 2 | 3 | 4 }, leaves }
}

function componentIndex(ctx: Context, size: number, name: string, line: number): number {
  for (const letters of COMPONENTS) {
    const at = letters.indexOf(name)
    if (name.length === 1 && at >= 0 && at < size) return at
  }
  throw ctx.refuse(line, `no component .${name} in a vector of ${size}`, `Use .${'xyzw'.slice(0, size)}`)
}

/** `value[index]` where the value has no address: a constant array, or a constant index. */
function elementOf(ctx: Context, value: Value, index: Expr, line: number): Value {
  const { type } = value
  const element: WgslType | undefined =
    type.k === 'array' ? type.of : type.k === 'vector' ? { k: 'scalar', of: type.of } : undefined
  if (element === undefined)
    throw ctx.refuse(line, `${typeName(type)} has no elements`, 'Index arrays and vectors')
  const size = leavesOf(element).length
  if (index.k === 'const') {
    if ((index.value + 1) * size > value.leaves.length)
      throw ctx.refuse(line, `index ${index.value} outside`, 'Stay within the array')
    return { type: element, leaves: value.leaves.slice(index.value * size, (index.value + 1) * size) }
  }
  if (type.k === 'array' && value.leaves.every((leaf) => leaf.k === 'const')) {
    const words = value.leaves.map((leaf) => (leaf.k === 'const' ? leaf.value : 0))
    const memory = ctx.builder.memory({ k: 'constant', name: 'array', words })
    const at = {
      memory,
      terms: [{ index, stride: size, count: type.count }],
      word: 0,
      place: ctx.place(line),
    }
    const to = leavesOf(element).map((scalar) => ctx.builder.local('loaded', scalar, true))
    ctx.builder.emit({ k: 'load', from: at, words: to.map((_, i) => i), to })
    return { type: element, leaves: to.map((local) => ctx.builder.get(local)) }
  }
  throw ctx.refuse(
    line,
    'a value is indexed by something other than a constant',
    'Keep it in a var, and index that',
  )
}

function containsAtomic(type: WgslType): boolean {
  return type.k === 'atomic' || (type.k === 'array' && containsAtomic(type.of))
}
