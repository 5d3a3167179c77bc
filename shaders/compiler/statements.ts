import type { AstExpr, AstFunction, AstStatement } from './ast.ts'
import { lowerCall } from './calls.ts'
import type { Context, Frame } from './context.ts'
import { exits } from './exits.ts'
import { lowerExpr, lowerPointer, lowerRef } from './expressions.ts'
import type { Expr, Statement } from './ir.ts'
import { binaryValue, coerce, concrete } from './operators.ts'
import { BOOL, I32, leavesOf, sameType, typeName, U32, VOID } from './types.ts'
import { type Ref, readRef, type Value, writeRef } from './values.ts'
import { declaredValue, lowerVar } from './variables.ts'

const CALL_DEPTH_MAX = 32

/** @throws KernelRefusal where a statement is not in Tier A */
export function lowerBody(ctx: Context, body: readonly AstStatement[]): void {
  ctx.scoped(() => {
    for (const [i, statement] of body.entries()) lowerStatement(ctx, statement, body, i)
  })
}

function lowerStatement(
  ctx: Context,
  statement: AstStatement,
  siblings: readonly AstStatement[],
  at: number,
): void {
  const { builder } = ctx
  if (Array.isArray(statement)) {
    lowerBody(ctx, statement as readonly AstStatement[])
    return
  }
  const { line } = statement
  switch (statement.astNodeType) {
    case 'var':
      lowerVar(ctx, statement)
      return
    case 'let':
    case 'const': {
      if (statement.value === null) throw ctx.refuse(line, `${statement.name} has no value`, 'Give it one')
      const pointer = statement.astNodeType === 'let' ? lowerPointer(ctx, statement.value) : undefined
      if (pointer !== undefined) {
        ctx.define(statement.name, { k: 'pointer', ref: pointer })
        return
      }
      const value = declaredValue(ctx, statement, statement.value)
      const leaves = value.leaves.map((leaf) => builder.pin(leaf, statement.name))
      ctx.define(statement.name, { k: 'value', value: { ...value, leaves } })
      return
    }
    case 'assign':
      lowerAssign(ctx, statement.operator, statement.variable, statement.value, line)
      return
    case 'increment': {
      const one: AstExpr = {
        astNodeType: 'literalExpr',
        line,
        postfix: null,
        value: { data: [1] },
        type: { astNodeType: 'type', name: 'x32' },
      }
      lowerAssign(ctx, statement.operator === '++' ? '+=' : '-=', statement.variable, one, line)
      return
    }
    case 'call':
      lowerCall(ctx, statement.name, statement.args, line, false)
      return
    case 'return': {
      const frame = ctx.frames.at(-1)!
      const isLast = at === siblings.length - 1 && ctx.scopes.length === frameDepth.get(frame)
      const given = isEmptyReturn(statement.value) ? undefined : lowerExpr(ctx, statement.value!)
      const value = given === undefined ? undefined : coerce(ctx, given, frame.returnType, line)
      if ((value === undefined) !== (frame.returnType.k === 'void'))
        throw ctx.refuse(line, `${frame.name} returns ${typeName(frame.returnType)}`, 'Return that')
      if (isLast && !frame.returned) {
        frame.direct =
          value === undefined
            ? { type: VOID, leaves: [] }
            : { ...value, leaves: value.leaves.map((leaf) => builder.pin(leaf, frame.name)) }
        return
      }
      if (value !== undefined && frame.result !== undefined) setResult(ctx, frame, value)
      frame.returned = true
      builder.emit({ k: 'exit', label: frame.label })
      return
    }
    case 'if':
      lowerIf(
        ctx,
        [{ condition: statement.condition, body: statement.body, line }, ...(statement.elseif ?? [])],
        statement.else,
      )
      return
    case 'for':
      ctx.scoped(() => {
        if (statement.init !== null) lowerStatement(ctx, statement.init, [], 0)
        const { increment } = statement
        lowerLoop(
          ctx,
          statement.condition,
          statement.body,
          increment === null ? [] : [increment],
          undefined,
          line,
        )
      })
      return
    case 'while':
      lowerLoop(ctx, statement.condition, statement.body, [], undefined, line)
      return
    case 'loop': {
      const nested = statement.body.find((inner) => inner.astNodeType === 'continuing')
      const continuing =
        statement.continuing?.body ?? (nested?.astNodeType === 'continuing' ? nested.body : [])
      const last = continuing.at(-1)
      const breakIf = last?.astNodeType === 'break' && last.condition != null ? last.condition : undefined
      lowerLoop(
        ctx,
        null,
        statement.body.filter((inner) => inner.astNodeType !== 'continuing'),
        breakIf === undefined ? continuing : continuing.slice(0, -1),
        breakIf,
        line,
      )
      return
    }
    case 'switch':
      lowerSwitch(ctx, statement)
      return
    case 'break':
    case 'continue': {
      const target = ctx.loops.at(-1)
      const label =
        statement.astNodeType === 'break'
          ? target?.break
          : ctx.loops.findLast((loop) => loop.continue !== undefined)?.continue
      if (label === undefined)
        throw ctx.refuse(line, `${statement.astNodeType} outside of a loop`, 'Remove it')
      builder.emit({ k: 'exit', label })
      return
    }
    case 'staticAssert':
      return
    default:
      throw ctx.refuse(
        line,
        `a statement that Tier A does not have`,
        'Use let, var, if, switch, for, while, loop',
      )
  }
}

/** Scopes open at the top level of a frame's function. */
const frameDepth = new WeakMap<Frame, number>()

function isEmptyReturn(value: AstExpr | null): boolean {
  return value === null || (value.astNodeType === 'createExpr' && value.type === null)
}

function lowerAssign(ctx: Context, operator: string, variable: AstExpr, value: AstExpr, line: number): void {
  const { builder } = ctx
  if (variable.astNodeType === 'varExpr' && variable.name === '_') {
    lowerExpr(ctx, value)
    return
  }
  const root = variable.astNodeType === 'varExpr' ? ctx.lookup(variable.name) : undefined
  if (root?.k === 'place' && !root.writable)
    throw ctx.refuse(line, 'a buffer that is only read is written', 'Declare it var<storage, read_write>')
  const target = lowerRef(ctx, variable)
  if (target === undefined || target.k === 'uniform')
    throw ctx.refuse(line, 'a value is assigned to', 'Assign to a var or a buffer')
  if (target.type.k === 'atomic')
    throw ctx.refuse(line, 'an atomic is assigned to', 'Use atomicAdd or atomicStore')
  let result = lowerExpr(ctx, value)
  if (operator !== '=') {
    const before = readRef(builder, target, () => ctx.refuse(line, 'too large a value', 'Assign its parts'))
    result = binaryValue(ctx, operator.slice(0, -1), before, result, line)
  }
  writeRef(builder, target, coerce(ctx, result, target.type, line))
}

function conditionOf(ctx: Context, expr: AstExpr): Expr {
  const value = lowerExpr(ctx, expr)
  if (!sameType(value.type, BOOL))
    throw ctx.refuse(expr.line, `a condition of type ${typeName(value.type)}`, 'Compare')
  return value.leaves[0]!
}

function lowerIf(
  ctx: Context,
  arms: readonly {
    readonly condition: AstExpr
    readonly body: readonly AstStatement[]
    readonly line: number
  }[],
  otherwise: readonly AstStatement[] | null,
): void {
  const [arm, ...more] = arms
  if (arm === undefined) {
    if (otherwise !== null) lowerBody(ctx, otherwise)
    return
  }
  const when = conditionOf(ctx, arm.condition)
  const then = ctx.builder.collect(() => lowerBody(ctx, arm.body))
  const rest = ctx.builder.collect(() => ctx.scoped(() => lowerIf(ctx, more, otherwise)))
  if (when.k === 'const') ctx.builder.out.push(...(when.value === 0 ? rest : then))
  else ctx.builder.emit({ k: 'if', when, yes: then, no: rest })
}

function lowerLoop(
  ctx: Context,
  condition: AstExpr | null,
  body: readonly AstStatement[],
  continuing: readonly AstStatement[],
  breakIf: AstExpr | undefined,
  line: number,
): void {
  const { builder } = ctx
  const labels = { break: builder.label(), continue: builder.label() }
  const whole = builder.collect(() => {
    if (condition !== null) {
      const goOn = conditionOf(ctx, condition)
      builder.emit({
        k: 'if',
        when: builder.not(goOn, ctx.place(line)),
        yes: [{ k: 'exit', label: labels.break }],
        no: [],
      })
    }
    ctx.scoped(() => {
      ctx.loops.push(labels)
      const inner = builder.collect(() => {
        for (const [i, statement] of body.entries()) lowerStatement(ctx, statement, body, i)
      })
      ctx.loops.pop()
      if (exits(inner, labels.continue)) builder.emit({ k: 'block', label: labels.continue, body: inner })
      else builder.out.push(...inner)
      for (const [i, statement] of continuing.entries()) lowerStatement(ctx, statement, [], i)
      if (breakIf !== undefined)
        builder.emit({
          k: 'if',
          when: conditionOf(ctx, breakIf),
          yes: [{ k: 'exit', label: labels.break }],
          no: [],
        })
    })
  })
  builder.emit({
    k: 'block',
    label: labels.break,
    body: [{ k: 'loop', body: whole, place: ctx.place(line) }],
  })
}

function lowerSwitch(ctx: Context, statement: AstStatement & { astNodeType: 'switch' }): void {
  const { builder } = ctx
  const { line } = statement
  const selector = concrete(ctx, lowerExpr(ctx, statement.condition), line)
  if (!sameType(selector.type, U32) && !sameType(selector.type, I32))
    throw ctx.refuse(line, `a switch over ${typeName(selector.type)}`, 'Switch over u32 or i32')
  const pinned: Value = { ...selector, leaves: selector.leaves.map((leaf) => builder.pin(leaf, 'selector')) }
  const label = builder.label()
  const place = ctx.place(line)
  const inner = builder.collect(() => {
    ctx.loops.push({ break: label, continue: undefined })
    const arms = statement.cases.map((arm) => {
      const selectors = arm.selectors ?? []
      const isDefault =
        arm.astNodeType === 'default' || selectors.some((one) => one.astNodeType === 'default')
      const tests = selectors
        .filter((one) => one.astNodeType !== 'default')
        .map((one) => binaryValue(ctx, '==', pinned, lowerExpr(ctx, one), arm.line).leaves[0]!)
      return { isDefault, tests, body: builder.collect(() => lowerBody(ctx, arm.body)) }
    })
    ctx.loops.pop()
    let chain: readonly Statement[] = arms.find((arm) => arm.isDefault)?.body ?? []
    for (const arm of arms.filter((one) => !one.isDefault).reverse()) {
      const when = arm.tests.reduce((any, test) => builder.binary('bool', 'or', any, test, place))
      chain = [{ k: 'if', when, yes: arm.body, no: chain }]
    }
    builder.out.push(...chain)
  })
  builder.emit({ k: 'block', label, body: inner })
}

function setResult(ctx: Context, frame: Frame, value: Value): void {
  const { result } = frame
  for (const [i, leaf] of (result?.leaves ?? []).entries()) {
    if (leaf.k === 'local') ctx.builder.emit({ k: 'set', local: leaf.local, value: value.leaves[i]! })
  }
}

/** Lowers a call by lowering the function's body in place, with its parameters bound to the arguments. */
export function inlineCall(
  ctx: Context,
  fn: AstFunction,
  args: readonly Value[],
  refs: readonly (Ref | undefined)[],
  line: number,
): Value {
  const { builder } = ctx
  if (ctx.frames.some((frame) => frame.name === fn.name))
    throw ctx.refuse(line, `${fn.name} calls itself`, 'Write a loop with a bound')
  if (ctx.frames.length >= CALL_DEPTH_MAX)
    throw ctx.refuse(line, `more than ${CALL_DEPTH_MAX} calls deep`, 'Write fewer layers')
  const returnType = fn.returnType === null ? VOID : ctx.type(fn.returnType, fn.line)
  const bound = new Map<string, Parameters<Context['define']>[1]>()
  for (const [i, arg] of fn.args.entries()) {
    const ref = refs[i]
    if (ref !== undefined) bound.set(arg.name, { k: 'pointer', ref })
    else {
      const value = args[i]!
      bound.set(arg.name, {
        k: 'value',
        value: { ...value, leaves: value.leaves.map((leaf) => builder.pin(leaf, arg.name)) },
      })
    }
  }
  const results = leavesOf(returnType).map((scalar) => builder.local(`${fn.name}()`, scalar))
  const frame: Frame = {
    name: fn.name,
    label: builder.label(),
    result: { type: returnType, leaves: results.map((local) => builder.get(local)) },
    returnType,
    returned: false,
    direct: undefined,
  }
  const outerScopes = ctx.scopes
  const outerLoops = ctx.loops
  ctx.scopes = [bound]
  ctx.loops = []
  frameDepth.set(frame, 2)
  ctx.frames.push(frame)
  const body = builder.collect(() => lowerBody(ctx, fn.body))
  ctx.frames.pop()
  ctx.scopes = outerScopes
  ctx.loops = outerLoops
  if (!frame.returned) {
    builder.out.push(...body)
    if (frame.direct === undefined && returnType.k !== 'void')
      throw ctx.refuse(fn.line, `${fn.name} ends without a return`, 'Return a value on every path')
    return frame.direct ?? { type: VOID, leaves: [] }
  }
  for (const local of results) builder.emit({ k: 'declare', local })
  builder.emit({ k: 'block', label: frame.label, body })
  return { type: returnType, leaves: results.map((local) => builder.pin(builder.get(local), fn.name)) }
}
