import { WgslParser } from 'wgsl_reflect/wgsl_reflect.module.js'
import type { LinkedSource } from '../link.ts'
import { KernelRefusal, type Place } from './refusal.ts'

/**
 * The syntax tree of wgsl_reflect, as far as Tier A reaches. The library's classes are named by minified names, so nodes
 * are told apart by `astNodeType`. It knows operators and lines, no types of expressions: lowering infers them.
 */

export interface AstType {
  readonly astNodeType: 'type' | 'template' | 'array' | 'struct' | 'pointer' | 'sampler'
  readonly name: string
  /** Of `vec`, `atomic`, `array`: the type inside. */
  readonly format?: AstType | null
  /** Of an array; 0: runtime-sized. */
  readonly count?: number
  readonly members?: readonly {
    readonly name: string
    readonly type: AstType | null
    readonly line: number
    readonly attributes: readonly unknown[] | null
  }[]
  /** Of a pointer. */
  readonly type?: AstType | null
  readonly storage?: string
}

interface Spanned {
  readonly line: number
}

/** What follows an operand: `.name` or `[index]`, and what follows that. */
export type AstPostfix =
  | (Spanned & {
      readonly astNodeType: 'stringExpr'
      readonly value: string
      readonly postfix: AstPostfix | null
    })
  | (Spanned & { readonly astNodeType: ''; readonly index: AstExpr; readonly postfix: AstPostfix | null })

interface Operand extends Spanned {
  readonly postfix: AstPostfix | null
}

export type AstExpr =
  | (Operand & { readonly astNodeType: 'varExpr'; readonly name: string })
  | (Operand & { readonly astNodeType: 'literalExpr'; readonly value: AstData; readonly type: AstType })
  | (Operand & {
      readonly astNodeType: 'binaryOp'
      readonly operator: string
      readonly left: AstExpr
      readonly right: AstExpr
    })
  | (Operand & { readonly astNodeType: 'unaryOp'; readonly operator: string; readonly right: AstExpr })
  | (Operand & {
      readonly astNodeType: 'callExpr'
      readonly name: string
      readonly args: readonly AstExpr[] | null
    })
  | (Operand & {
      readonly astNodeType: 'createExpr' | 'typecastExpr'
      readonly type: AstType | null
      readonly args: readonly AstExpr[] | null
    })
  | (Operand & {
      readonly astNodeType: 'bitcastExpr'
      readonly type: AstType | null
      readonly value: AstExpr
    })
  | (Operand & { readonly astNodeType: 'constExpr'; readonly name: string; readonly initializer: AstExpr })
  | (Operand & { readonly astNodeType: 'default' })

/** Of a literal: numbers, or the bytes of a folded array. */
export interface AstData {
  readonly data?: ArrayLike<number>
  readonly buffer?: ArrayBuffer
}

export type AstStatement =
  | (Spanned & {
      readonly astNodeType: 'var' | 'let' | 'const' | 'override'
      readonly name: string
      readonly type: AstType | null
      readonly value: AstExpr | null
      readonly storage?: string | null
      readonly access?: string | null
      readonly attributes: readonly AstAttribute[] | null
    })
  | (Spanned & {
      readonly astNodeType: 'assign'
      readonly operator: string
      readonly variable: AstExpr
      readonly value: AstExpr
    })
  | (Spanned & { readonly astNodeType: 'increment'; readonly operator: string; readonly variable: AstExpr })
  | (Spanned & { readonly astNodeType: 'call'; readonly name: string; readonly args: readonly AstExpr[] })
  | (Spanned & { readonly astNodeType: 'return'; readonly value: AstExpr | null })
  | (Spanned & {
      readonly astNodeType: 'if'
      readonly condition: AstExpr
      readonly body: readonly AstStatement[]
      readonly elseif:
        | readonly {
            readonly condition: AstExpr
            readonly body: readonly AstStatement[]
            readonly line: number
          }[]
        | null
      readonly else: readonly AstStatement[] | null
    })
  | (Spanned & {
      readonly astNodeType: 'for'
      readonly init: AstStatement | null
      readonly condition: AstExpr | null
      readonly increment: AstStatement | null
      readonly body: readonly AstStatement[]
    })
  | (Spanned & {
      readonly astNodeType: 'while'
      readonly condition: AstExpr
      readonly body: readonly AstStatement[]
    })
  | (Spanned & {
      readonly astNodeType: 'loop'
      readonly body: readonly AstStatement[]
      readonly continuing: { readonly body: readonly AstStatement[] } | null
    })
  | (Spanned & {
      readonly astNodeType: 'switch'
      readonly condition: AstExpr
      readonly cases: readonly {
        readonly astNodeType: string
        readonly selectors?: readonly AstExpr[]
        readonly body: readonly AstStatement[]
        readonly line: number
      }[]
    })
  | (Spanned & {
      readonly astNodeType: 'break' | 'continue' | 'discard'
      readonly condition?: AstExpr | null
    })
  | (Spanned & { readonly astNodeType: 'continuing'; readonly body: readonly AstStatement[] })
  | (Spanned & { readonly astNodeType: 'staticAssert' })

export interface AstAttribute {
  readonly name: string
  readonly value: string | readonly string[] | null
}

export interface AstFunction extends Spanned {
  readonly astNodeType: 'function'
  readonly name: string
  readonly args: readonly {
    readonly name: string
    readonly type: AstType
    readonly attributes: readonly AstAttribute[] | null
    readonly line: number
  }[]
  readonly returnType: AstType | null
  readonly body: readonly AstStatement[]
  readonly attributes: readonly AstAttribute[] | null
}

export type AstDeclaration =
  | AstFunction
  | AstStatement
  | (Spanned & AstType)
  | (Spanned & { readonly astNodeType: 'alias'; readonly name: string; readonly type: AstType })
  | (Spanned & { readonly astNodeType: 'enable' | 'requires' | 'diagnostic' })

/** Finds the file and line of a line of the linked text. */
export function placeOf(source: LinkedSource, line: number): Place {
  return source.origins[line - 1] ?? { file: source.origins[0]?.file ?? 'kernel', line }
}

/** @throws KernelRefusal with the parser's words where the text is not WGSL */
export function parseKernel(source: LinkedSource): readonly AstDeclaration[] {
  refuseLargeLiterals(source)
  try {
    return new WgslParser().parse(
      renameBlocks(wrapCases(source.text)),
    ) as unknown as readonly AstDeclaration[]
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    // The parser follows calls without end where functions call each other in a circle.
    if (thrown instanceof RangeError) throw recursionIn(source)
    const line = Number(/line:?\s*(\d+)/i.exec(message)?.[1] ?? 1)
    throw new KernelRefusal(
      placeOf(source, line),
      `this is not WGSL: ${message.replace(/[. ]*Line: \d+$/, '')}`,
      'See the WGSL grammar',
    )
  }
}

/**
 * Puts a block around the body of each case, on the same lines: wgsl_reflect 1.6.0 silently drops all statements of a
 * case but the first two.
 */
export function wrapCases(text: string): string {
  const code = text.replace(/\/\/.*$/gm, (comment) => ' '.repeat(comment.length))
  const inserted = new Map<number, string>()
  for (const match of code.matchAll(/\b(?:case\b[^{};]*|default\s*:?\s*)\{/g)) {
    const open = match.index + match[0].length
    let depth = 1
    let close = open
    for (; close < code.length && depth > 0; close++) {
      if (code[close] === '{') depth++
      else if (code[close] === '}') depth--
    }
    inserted.set(open, '{')
    inserted.set(close - 1, `${inserted.get(close - 1) ?? ''}}`)
  }
  let wrapped = ''
  let from = 0
  for (const [at, brace] of [...inserted].sort(([a], [b]) => a - b)) {
    wrapped += code.slice(from, at) + brace
    from = at
  }
  return wrapped + code.slice(from)
}

/** wgsl_reflect 1.6.0 takes the name `block`, which WGSL allows, for a word of its own. */
function renameBlocks(text: string): string {
  return text.replace(/\bblock\b/g, 'block_')
}

/** The parser silently takes an integer without a suffix modulo 2^32. */
function refuseLargeLiterals(source: LinkedSource): void {
  for (const [index, line] of source.text.split('\n').entries()) {
    for (const [literal] of line
      .replace(/\/\/.*$/, '')
      .matchAll(/(?<![\w.])(0[xX][0-9a-fA-F]+|[0-9]+)(?![\w.])/g)) {
      if (Number(literal) >= 2 ** 32)
        throw new KernelRefusal(
          placeOf(source, index + 1),
          `${literal} is beyond 32 bits`,
          'Split it into words',
        )
    }
  }
}

function recursionIn(source: LinkedSource): KernelRefusal {
  const code = source.text.replace(/\/\/.*$/gm, '')
  const functions = [...code.matchAll(/^fn (\w+)/gm)].map((match, i, all) => ({
    name: match[1]!,
    line: code.slice(0, match.index).split('\n').length,
    body: code.slice(match.index + match[0].length, all[i + 1]?.index),
  }))
  const reach = (from: string, seen = new Set<string>()): ReadonlySet<string> => {
    const body = functions.find(({ name }) => name === from)?.body ?? ''
    for (const { name } of functions) {
      if (seen.has(name) || !new RegExp(`\\b${name}\\s*\\(`).test(body)) continue
      seen.add(name)
      reach(name, seen)
    }
    return seen
  }
  const found = functions.find(({ name }) => reach(name).has(name))
  return new KernelRefusal(
    placeOf(source, found?.line ?? 1),
    `${found?.name ?? 'a function'} calls itself, directly or through others`,
    'Write a loop with a bound',
  )
}
