import type { LinkedSource } from '../link.ts'
import {
  type AstAttribute,
  type AstDeclaration,
  type AstFunction,
  type AstStatement,
  parseKernel,
} from './ast.ts'
import { Builder } from './builder.ts'
import { lowerCall, lowerConstruction } from './calls.ts'
import { Context } from './context.ts'
import { lowerExpr } from './expressions.ts'
import type { Kernel, UniformWord } from './ir.ts'
import { BINDINGS_MAX } from './memory-plan.ts'
import { coerce } from './operators.ts'
import { inlineCall } from './statements.ts'
import { hasFloat, layoutOf, leafWords, leavesOf, strideOf, type WgslType } from './types.ts'
import type { Value } from './values.ts'
import { defineVar } from './variables.ts'

const WORD_MAX = 0xffffffff
const RANGE = /\/\/!range (-?[0-9]+) \.\. (-?[0-9]+)\s*$/

type Global = AstStatement & { readonly astNodeType: 'var' | 'let' | 'const' | 'override' }

/**
 * From linked WGSL to the intermediate form of its entry point.
 * @throws KernelRefusal where the kernel leaves Tier A
 */
export function lowerKernel(name: string, source: LinkedSource): Kernel {
  const declarations = parseKernel(source)
  const builder = new Builder()
  const ctx = new Context(source, builder, {
    inline: inlineCall,
    call: lowerCall,
    construct: lowerConstruction,
  })
  for (const axis of ['x', 'y', 'z']) builder.local(`gid.${axis}`, 'u32', true)
  const entry = declare(ctx, declarations)
  const uniform = uniformWords(ctx, declarations)
  const privates = declarations.filter(
    (one): one is Global => one.astNodeType === 'var' && (one as Global).storage === 'private',
  )
  const body = builder.collect(() => {
    for (const one of privates) {
      const type = ctx.type(one.type!, one.line)
      const value = one.value === null ? undefined : coerce(ctx, lowerExpr(ctx, one.value), type, one.line)
      defineVar(ctx, one.name, type, value, one.line)
    }
    inlineCall(ctx, entry, [entryArgument(ctx, entry)], [undefined], entry.line)
  })
  return { name, locals: builder.localInfos(), memories: builder.memories, uniform, body }
}

function attribute(attributes: readonly AstAttribute[] | null, name: string): AstAttribute | undefined {
  return attributes?.find((candidate) => candidate.name === name)
}

/** Declares the module's names. @returns the entry point */
function declare(ctx: Context, declarations: readonly AstDeclaration[]): AstFunction {
  let entry: AstFunction | undefined
  for (const one of declarations) {
    switch (one.astNodeType) {
      case 'function':
        ctx.functions.set(one.name, one)
        if (attribute(one.attributes, 'compute') !== undefined) {
          if (entry !== undefined) throw ctx.refuse(one.line, 'a second entry point', 'Keep one in a file')
          entry = one
        }
        break
      case 'alias':
        ctx.aliases.set(one.name, (one as unknown as { type: Parameters<Context['type']>[0] }).type)
        break
      case 'struct':
        ctx.type(one as unknown as Parameters<Context['type']>[0], one.line)
        break
      case 'const':
      case 'override':
        declareConstant(ctx, one as Global)
        break
      case 'var':
        declareBuffer(ctx, one as Global)
        break
      case 'staticAssert':
        break
      default:
        throw ctx.refuse(
          one.line,
          `the declaration "${one.astNodeType}"`,
          'Tier A needs no extension: remove it',
        )
    }
  }
  if (entry === undefined)
    throw ctx.refuse(1, 'there is no @compute function', 'Declare @compute @workgroup_size(wg) fn main')
  return entry
}

function declareConstant(ctx: Context, one: Global): void {
  if (one.value === null) throw ctx.refuse(one.line, `${one.name} has no value`, 'Give it one')
  const value = lowerExpr(ctx, one.value)
  const named = one.type !== null && one.type.name !== 'x32' && one.type.name !== ''
  const typed =
    value.literal !== undefined && named ? coerce(ctx, value, ctx.type(one.type!, one.line), one.line) : value
  if (!typed.leaves.every((leaf) => leaf.k === 'const'))
    throw ctx.refuse(one.line, `${one.name} is no constant`, 'Use literals')
  ctx.globals.set(one.name, { k: 'value', value: typed })
}

function declareBuffer(ctx: Context, one: Global): void {
  const { name, line, storage } = one
  if (storage === 'private') return
  if (storage !== 'uniform' && storage !== 'storage')
    throw ctx.refuse(
      line,
      `${name} is in the address space ${storage ?? 'none'}`,
      'Use var<storage>, var<uniform>, var<private> or a var of a function',
    )
  const type = ctx.type(one.type!, line)
  if (hasFloat(type))
    throw ctx.refuse(
      line,
      `${name} holds f32, whose bits a device may change: a zero's sign, small numbers`,
      'Declare u32 or i32, and convert what is read by f32()',
    )
  const binding = Number(attribute(one.attributes, 'binding')?.value ?? Number.NaN)
  const group = Number(attribute(one.attributes, 'group')?.value ?? Number.NaN)
  if (group !== 0 || !(binding >= 0 && binding < BINDINGS_MAX))
    throw ctx.refuse(
      line,
      `${name} is not at @group(0) @binding(0 .. ${BINDINGS_MAX - 1})`,
      'Put every binding into group 0',
    )
  if (storage === 'uniform') {
    const words = layoutOf(type).words
    const memory = ctx.builder.memory({
      k: 'storage',
      name,
      binding,
      writable: false,
      stride: words,
      count: 1,
    })
    ctx.globals.set(name, { k: 'place', ref: { k: 'uniform', type, word: 0, memory }, writable: false })
    return
  }
  const element: WgslType = type.k === 'array' ? type.of : type
  const count = type.k === 'array' ? type.count : 1
  const memory = ctx.builder.memory({
    k: 'storage',
    name,
    binding,
    writable: one.access === 'read_write',
    stride: strideOf(element),
    count,
  })
  const at = { memory, terms: [], word: 0, place: ctx.place(line) }
  ctx.globals.set(name, { k: 'place', ref: { k: 'memory', type, at }, writable: one.access === 'read_write' })
}

/** The words of the uniform buffer, with the ranges that `//!range low .. high` declares behind a member. */
function uniformWords(ctx: Context, declarations: readonly AstDeclaration[]): readonly UniformWord[] {
  const one = declarations.find(
    (candidate): candidate is Global =>
      candidate.astNodeType === 'var' && (candidate as Global).storage === 'uniform',
  )
  if (one === undefined) return []
  const type = ctx.type(one.type!, one.line)
  const lines = ctx.source.text.split('\n')
  const words: UniformWord[] = Array.from({ length: layoutOf(type).words }, () => ({
    name: 'padding',
    low: 0,
    high: WORD_MAX,
  }))
  const visit = (inner: WgslType, prefix: string, first: number, line: number): void => {
    if (inner.k === 'struct') {
      const ast = declarations.find(
        (candidate) =>
          candidate.astNodeType === 'struct' && (candidate as { name: string }).name === inner.name,
      )
      const members = (ast as { members?: readonly { line: number }[] } | undefined)?.members ?? []
      for (const [i, member] of inner.members.entries())
        visit(
          member.type,
          prefix === '' ? member.name : `${prefix}.${member.name}`,
          first + member.word,
          members[i]?.line ?? line,
        )
      return
    }
    const range = RANGE.exec(lines[line - 1] ?? '')
    const low = Number(range?.[1] ?? 0)
    const high = Number(range?.[2] ?? WORD_MAX)
    if (low < 0 || high > WORD_MAX || low > high)
      throw ctx.refuse(
        line,
        'a range that is none',
        'Write //!range low .. high with 0 <= low <= high < 2^32',
      )
    for (const [i, word] of leafWords(inner).entries()) {
      words[first + word] = { name: leavesOf(inner).length === 1 ? prefix : `${prefix}.${i}`, low, high }
    }
  }
  visit(type, '', 0, one.line)
  return words
}

function entryArgument(ctx: Context, entry: AstFunction): Value {
  const [only, ...more] = entry.args
  const wanted =
    only !== undefined &&
    more.length === 0 &&
    attribute(only.attributes, 'builtin')?.value === 'global_invocation_id'
  if (!wanted)
    throw ctx.refuse(
      entry.line,
      'an entry point takes something other than global_invocation_id',
      'Take @builtin(global_invocation_id) gid: vec3<u32> alone',
    )
  return {
    type: { k: 'vector', of: 'u32', size: 3 },
    leaves: [0, 1, 2].map((local) => ctx.builder.get(local)),
  }
}
