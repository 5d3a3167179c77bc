import type { AstExpr, AstType } from './ast.ts'
import type { Context } from './context.ts'
import { lowerExpr, lowerPointer, lowerRef } from './expressions.ts'
import { lowerIntrinsic } from './intrinsics.ts'
import type { AtomicOp, Scalar } from './ir.ts'
import { binaryValue, coerce, concrete, retype, spread } from './operators.ts'
import { BOOL, leavesOf, sameType, typeName, VOID, type WgslType } from './types.ts'
import { readRef, scalarOf, type Value } from './values.ts'

const ATOMICS = new Set([
  'atomicAdd',
  'atomicSub',
  'atomicMax',
  'atomicMin',
  'atomicAnd',
  'atomicOr',
  'atomicXor',
])

/** Built-ins that Tier A leaves out, with the reason and the way round. */
const BANNED: readonly (readonly [RegExp, string, string])[] = [
  [
    /^(workgroup|storage|texture)Barrier$|^workgroupUniformLoad$/,
    'a barrier: normative kernels have none',
    'Give each invocation its own work; put barriers into a variant',
  ],
  [
    /^subgroup|^quad/,
    'its result depends on the size of a subgroup',
    "Add into the output with the prelude's limbs",
  ],
  [/^(extractBits|insertBits)$/, 'its result differs where offset + count leaves the word', 'Shift and mask'],
  [
    /^(firstLeadingBit|firstTrailingBit)$/,
    'its result differs between u32 and i32, and for 0',
    'Use countLeadingZeros or countTrailingZeros',
  ],
  [
    /^(dot4I8Packed|dot4U8Packed|pack4x|unpack4x|reverseBits)/,
    'not every device and machine has it',
    'Use dot2_i16 of the prelude, or a variant of the kernel',
  ],
  [/^(pack|unpack)\d/, 'it converts floating point', 'Shift and mask integers'],
  [
    /^arrayLength$/,
    'its result is how much memory the host gave, not what the contract says',
    'Take the length from the uniform',
  ],
  [
    /^atomic(Load|Exchange|CompareExchangeWeak)$/,
    'its result shows the order of the invocations',
    'Use an atomic whose total does not: atomicAdd, atomicMax; from stage to stage, state_load of the prelude',
  ],
  [
    /^(exp2?|log2?|pow|sqrt|inverseSqrt|sin|cos|tan|a(sin|cos|tan|tan2)h?|sinh|cosh|tanh|fma|floor|ceil|round|trunc|fract|mix|step|smoothstep|saturate|sign|degrees|radians|length|distance|normalize|cross|reflect|refract|ldexp|frexp|modf|quantizeToF16|faceForward|determinant|transpose)$/,
    'it works on floating point, whose rounding differs from device to device',
    "Use the prelude's fixed point: normal_q24, exp2_q30, log2_q26, sqrt_q30",
  ],
  [/^texture|^dpd[xy]|^fwidth/, 'textures and derivatives are not exact', 'Read a storage buffer'],
]

/** @param used whether something is done with the result */
export function lowerCall(
  ctx: Context,
  name: string,
  args: readonly AstExpr[],
  line: number,
  used: boolean,
): Value {
  const fn = ctx.functions.get(name)
  if (fn !== undefined) {
    if (fn.args.length !== args.length)
      throw ctx.refuse(line, `${name} takes ${fn.args.length} arguments`, 'Give as many as it declares')
    const intrinsic = ctx.inPrelude(fn.line) ? lowerIntrinsic(ctx, fn, args, line) : undefined
    if (intrinsic !== undefined) return intrinsic
    const refs = fn.args.map((arg, i) => {
      if (arg.type.astNodeType !== 'pointer') return undefined
      const ref = lowerPointer(ctx, args[i]!)
      const { to } = ctx.type(arg.type, arg.line) as { to: WgslType }
      if (ref === undefined || ref.k === 'uniform' || !sameType(ref.type, to))
        throw ctx.refuse(
          line,
          `the argument ${arg.name} of ${name} is no pointer to ${typeName(to)}`,
          'Pass & and a var',
        )
      return ref
    })
    const values = ctx.builder.inOrder<Value>(
      fn.args.map((arg, i) => () => {
        if (refs[i] !== undefined) return { type: VOID, leaves: [] }
        const value = coerce(ctx, lowerExpr(ctx, args[i]!), ctx.type(arg.type, arg.line), line)
        return value
      }),
    )
    return ctx.inline(ctx, fn, values, refs, line)
  }
  const loads = name === 'atomicLoad' && ctx.inPrelude(line)
  if (ATOMICS.has(name) || name === 'atomicStore' || loads) return lowerAtomic(ctx, name, args, line, used)
  for (const [pattern, reason, instead] of BANNED) {
    if (pattern.test(name)) throw ctx.refuse(line, `${name} is used: ${reason}`, instead)
  }
  const values = ctx.builder.inOrder<Value>(args.map((arg) => () => lowerExpr(ctx, arg)))
  return lowerBuiltin(ctx, name, values, line)
}

function lowerAtomic(
  ctx: Context,
  name: string,
  args: readonly AstExpr[],
  line: number,
  used: boolean,
): Value {
  const { builder } = ctx
  const target =
    args[0] === undefined || args[0].astNodeType !== 'unaryOp' || args[0].operator !== '&'
      ? undefined
      : lowerRef(ctx, args[0].right)
  if (target === undefined || target.k !== 'memory' || target.type.k !== 'atomic')
    throw ctx.refuse(line, `${name} of something other than an atomic in a buffer`, 'Pass &buffer[index]')
  const scalar = target.type.of
  if (name === 'atomicLoad')
    return readRef(builder, { ...target, type: { k: 'scalar', of: scalar } }, () =>
      ctx.refuse(line, 'an atomic is read', 'Read a word'),
    )
  const value = coerce(ctx, lowerExpr(ctx, args[1]!), { k: 'scalar', of: scalar }, line)
  if (name === 'atomicStore') {
    builder.emit({ k: 'store', to: target.at, words: [0], values: value.leaves })
    return { type: VOID, leaves: [] }
  }
  if (used && !ctx.inPrelude(line))
    throw ctx.refuse(
      line,
      `what ${name} returns is used: it shows the order of the invocations`,
      'Ignore it, or add with add_limb and add_limbs_128 of the prelude',
    )
  const signed = scalar === 'i32'
  const op: AtomicOp =
    name === 'atomicMax'
      ? signed
        ? 'max_s'
        : 'max_u'
      : name === 'atomicMin'
        ? signed
          ? 'min_s'
          : 'min_u'
        : (name.slice(6).toLowerCase() as AtomicOp)
  const old = used ? builder.local('old', scalar, true) : undefined
  builder.emit({ k: 'atomic', op, at: target.at, value: value.leaves[0]!, old })
  return old === undefined
    ? { type: VOID, leaves: [] }
    : { type: { k: 'scalar', of: scalar }, leaves: [builder.get(old)] }
}

function lowerBuiltin(ctx: Context, name: string, raw: readonly Value[], line: number): Value {
  const { builder } = ctx
  const place = ctx.place(line)
  const unsupported = () =>
    ctx.refuse(
      line,
      `${name} of (${raw.map(({ type }) => typeName(type)).join(', ')})`,
      'Use a built-in that Tier A has, on u32 or i32',
    )
  const typed = raw.find((value) => value.literal === undefined && scalarOf(value.type) !== 'bool')
  const values = raw.map((value) => {
    if (value.literal === undefined) return value
    return typed === undefined
      ? concrete(ctx, value, line)
      : coerce(ctx, value, { k: 'scalar', of: scalarOf(typed.type)! }, line)
  })
  const [a, b, c] = values
  if (a === undefined) throw unsupported()
  const scalar = scalarOf(a.type)
  const integer = scalar === 'u32' || scalar === 'i32'
  const number = integer || scalar === 'f32'
  const signed = scalar === 'i32' || scalar === 'f32'
  const each = (make: (i: number) => Value['leaves'][number]): Value => ({
    type: a.type,
    leaves: a.leaves.map((_, i) => make(i)),
  })

  switch (name) {
    case 'countLeadingZeros':
    case 'countTrailingZeros':
    case 'countOneBits': {
      if (!integer || values.length !== 1) throw unsupported()
      const op = name === 'countOneBits' ? 'popcnt' : name === 'countLeadingZeros' ? 'clz' : 'ctz'
      return each((i) => builder.unary(scalar, op, a.leaves[i]!, place))
    }
    case 'abs':
      if (!number || values.length !== 1) throw unsupported()
      return signed ? each((i) => builder.unary(scalar, 'abs', a.leaves[i]!, place)) : a
    case 'min':
    case 'max': {
      if (!number || b === undefined || !sameType(a.type, b.type)) throw unsupported()
      return each((i) =>
        builder.binary(scalar, `${name}_${signed ? 's' : 'u'}`, a.leaves[i]!, b.leaves[i]!, place),
      )
    }
    case 'clamp': {
      if (
        !number ||
        b === undefined ||
        c === undefined ||
        !sameType(a.type, b.type) ||
        !sameType(a.type, c.type)
      )
        throw unsupported()
      const suffix = signed ? 's' : 'u'
      return each((i) =>
        builder.binary(
          scalar,
          `min_${suffix}`,
          builder.binary(scalar, `max_${suffix}`, a.leaves[i]!, b.leaves[i]!, place),
          c.leaves[i]!,
          place,
        ),
      )
    }
    case 'select': {
      if (
        b === undefined ||
        c === undefined ||
        !sameType(a.type, b.type) ||
        scalarOf(c.type) !== 'bool' ||
        scalar === undefined
      )
        throw unsupported()
      if (c.leaves.length !== 1 && c.leaves.length !== a.leaves.length) throw unsupported()
      const when =
        c.leaves.length === 1 && a.leaves.length > 1
          ? c.leaves.map((leaf) => builder.pin(leaf, 'when'))
          : c.leaves
      return each((i) => builder.select(scalar, when[when.length === 1 ? 0 : i]!, b.leaves[i]!, a.leaves[i]!))
    }
    case 'all':
    case 'any': {
      if (scalar !== 'bool') throw unsupported()
      const op = name === 'all' ? 'and' : 'or'
      return {
        type: BOOL,
        leaves: [
          a.leaves.slice(1).reduce((sum, leaf) => builder.binary('bool', op, sum, leaf, place), a.leaves[0]!),
        ],
      }
    }
    case 'dot': {
      if (!number || a.type.k !== 'vector' || b === undefined || !sameType(a.type, b.type))
        throw unsupported()
      const products = binaryValue(ctx, '*', a, b, line).leaves
      return {
        type: { k: 'scalar', of: scalar },
        leaves: [
          products
            .slice(1)
            .reduce((sum, leaf) => builder.binary(scalar, 'add', sum, leaf, place), products[0]!),
        ],
      }
    }
    default:
      throw ctx.refuse(
        line,
        `there is no function ${name} in Tier A`,
        'Declare it, or use a built-in that Tier A has',
      )
  }
}

/** `u32(x)`, `vec4<u32>(...)`, `S(...)`, `array<u32, 3>(...)`. */
export function lowerConstruction(ctx: Context, ast: AstType, args: readonly AstExpr[], line: number): Value {
  const { builder } = ctx
  const values = builder.inOrder<Value>(args.map((arg) => () => lowerExpr(ctx, arg)))
  const type = inferred(ctx, ast, values, line)
  const leaves = leavesOf(type)
  if (leaves.length === 0 || (type.k === 'array' && type.count === 0))
    throw ctx.refuse(
      line,
      `a value of type ${typeName(type)}`,
      'Construct scalars, vectors, structures and fixed-size arrays',
    )
  if (values.length === 0) return { type, leaves: leaves.map((scalar) => builder.constant(scalar, 0)) }
  if (type.k === 'scalar') {
    if (values.length !== 1 || values[0]!.leaves.length !== 1)
      throw ctx.refuse(line, `${typeName(type)} of ${values.length} values`, 'Convert one scalar')
    return convert(ctx, values[0]!, type, type.of, line)
  }
  if (type.k === 'vector') {
    const component: WgslType = { k: 'scalar', of: type.of }
    if (values.length === 1) {
      const [only] = values as [Value]
      if (only.leaves.length === 1)
        return spread(
          ctx,
          scalarOf(only.type) === type.of || only.literal !== undefined
            ? coerce(ctx, only, component, line)
            : convert(ctx, only, component, type.of, line),
          type.size,
        )
      if (only.leaves.length === type.size) return convert(ctx, only, type, type.of, line)
    }
    const parts = values.flatMap((value) => {
      const typed = value.literal === undefined ? value : coerce(ctx, value, component, line)
      if (scalarOf(typed.type) !== type.of)
        throw ctx.refuse(line, `${typeName(typed.type)} in a ${typeName(type)}`, 'Convert it first')
      return typed.leaves
    })
    if (parts.length !== type.size)
      throw ctx.refuse(line, `${parts.length} components for ${typeName(type)}`, `Give ${type.size}`)
    return { type, leaves: parts }
  }
  const wanted =
    type.k === 'struct'
      ? type.members.map((member) => member.type)
      : type.k === 'array'
        ? Array.from({ length: type.count }, () => type.of)
        : []
  if (wanted.length !== values.length)
    throw ctx.refuse(line, `${values.length} values for ${typeName(type)}`, `Give ${wanted.length}`)
  return { type, leaves: values.flatMap((value, i) => coerce(ctx, value, wanted[i]!, line).leaves) }
}

/** `vec4(…)` and `array(…)` take their type from their first argument. */
function inferred(ctx: Context, ast: AstType, values: readonly Value[], line: number): WgslType {
  if (ast.format != null || !/^(vec[234]|array)$/.test(ast.name)) return ctx.type(ast, line)
  const first = values[0]
  if (first === undefined) throw ctx.refuse(line, `${ast.name} without a type`, `Write ${ast.name}<u32>`)
  const { type } = concrete(ctx, values.find(({ literal }) => literal === undefined) ?? first, line)
  if (ast.name === 'array') return { k: 'array', of: type, count: values.length }
  return { k: 'vector', of: scalarOf(type) ?? 'u32', size: Number(ast.name[3]) as 2 | 3 | 4 }
}

function convert(ctx: Context, value: Value, type: WgslType, to: Scalar, line: number): Value {
  const { builder } = ctx
  const place = ctx.place(line)
  if (value.literal !== undefined) {
    if (to !== 'bool') return coerce(ctx, value, type, line)
    throw ctx.refuse(line, 'a bool of a literal', 'Write true or false')
  }
  const from = scalarOf(value.type)
  if (from === undefined)
    throw ctx.refuse(
      line,
      `${typeName(value.type)} converted to ${typeName(type)}`,
      'Convert scalars and vectors',
    )
  if (from === to) return { type, leaves: value.leaves }
  if (to === 'f32' && from !== 'bool')
    return { type, leaves: value.leaves.map((leaf) => builder.unary('f32', 'to_f32', leaf, place)) }
  if (from === 'f32' && to !== 'bool')
    return { type, leaves: value.leaves.map((leaf) => builder.unary(to, `to_${to}`, leaf, place)) }
  if (from === 'bool')
    return {
      type,
      leaves: value.leaves.map((leaf) =>
        builder.select(to, leaf, builder.constant(to, 1), builder.constant(to, 0)),
      ),
    }
  if (to === 'bool')
    return {
      type,
      leaves: value.leaves.map((leaf) =>
        builder.binary('bool', 'ne', leaf, builder.constant(from, 0), place),
      ),
    }
  return { type, leaves: value.leaves.map((leaf) => retype(leaf, to)) }
}
