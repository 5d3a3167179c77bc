import type { AstExpr, AstStatement } from './ast.ts'
import type { Context } from './context.ts'
import { lowerExpr } from './expressions.ts'
import { coerce, concrete } from './operators.ts'
import { layoutOf, leavesOf, typeName, type WgslType } from './types.ts'
import { type Ref, type Value, writeRef } from './values.ts'

/** What a declaration gives, in the type that it names. */
export function declaredValue(
  ctx: Context,
  statement: {
    readonly name: string
    readonly type: Parameters<Context['type']>[0] | null
    readonly line: number
    readonly astNodeType: string
  },
  value: AstExpr,
): Value {
  const lowered = lowerExpr(ctx, value)
  // The parser gives constants without a type one of its own making: only what the kernel says counts.
  if (statement.type === null || (statement.astNodeType === 'const' && statement.type.name === 'x32')) {
    return statement.astNodeType === 'const' ? lowered : concrete(ctx, lowered, statement.line)
  }
  return coerce(ctx, lowered, ctx.type(statement.type, statement.line), statement.line)
}

/** @throws KernelRefusal where a var's type is not in Tier A */
export function lowerVar(
  ctx: Context,
  statement: AstStatement & { astNodeType: 'var' | 'let' | 'const' | 'override' },
): void {
  const { name, line } = statement
  const value = statement.value === null ? undefined : declaredValue(ctx, statement, statement.value)
  if (value === undefined && statement.type === null)
    throw ctx.refuse(line, `${name} has no type`, 'Give it a type or a value')
  const type = value?.type ?? ctx.type(statement.type!, line)
  defineVar(ctx, name, type, value, line)
}

/** Begins a var: locals for scalars, vectors and structures of them, words of the invocation's memory for arrays. */
export function defineVar(
  ctx: Context,
  name: string,
  type: WgslType,
  initial: Value | undefined,
  line: number,
): void {
  const { builder } = ctx
  if (hasArray(type)) {
    const words = layoutOf(type).words
    if (words === 0 || words > 4096)
      throw ctx.refuse(
        line,
        `an array of ${words} words in an invocation`,
        'Keep at most 4,096 words, or use a storage buffer',
      )
    const memory = builder.memory({ k: 'private', name, words })
    const ref: Ref = { k: 'memory', type, at: { memory, terms: [], word: 0, place: ctx.place(line) } }
    if (initial === undefined) builder.emit({ k: 'clear', memory })
    else writeRef(builder, ref, initial)
    ctx.define(name, { k: 'place', ref, writable: true })
    return
  }
  const leaves = leavesOf(type)
  if (leaves.length === 0)
    throw ctx.refuse(line, `a var of type ${typeName(type)}`, 'Use scalars, vectors, structures, arrays')
  const values = initial?.leaves ?? leaves.map((scalar) => builder.constant(scalar, 0))
  const locals = leaves.map((scalar, i) => builder.local(leaves.length === 1 ? name : `${name}.${i}`, scalar))
  for (const [i, local] of locals.entries()) builder.emit({ k: 'set', local, value: values[i]! })
  ctx.define(name, { k: 'place', ref: { k: 'locals', type, locals }, writable: true })
}

function hasArray(type: WgslType): boolean {
  return type.k === 'array' || (type.k === 'struct' && type.members.some((member) => hasArray(member.type)))
}
