import type { LinkedSource } from '../link.ts'
import { type AstExpr, type AstFunction, type AstType, placeOf } from './ast.ts'
import type { Builder } from './builder.ts'
import { KernelRefusal, type Place } from './refusal.ts'
import { BOOL, F32, hasFloat, I32, structOf, U32, type WgslType } from './types.ts'
import type { Ref, Value } from './values.ts'

/** What a name stands for. */
export type Symbol =
  | { readonly k: 'value'; readonly value: Value }
  | { readonly k: 'place'; readonly ref: Ref; readonly writable: boolean; readonly atomic?: boolean }
  | { readonly k: 'pointer'; readonly ref: Ref }

/** The call that is being inlined. */
export interface Frame {
  readonly name: string
  /** Left by `return`. */
  readonly label: number
  readonly result: Value | undefined
  readonly returnType: WgslType
  returned: boolean
  /** A `return` that is the last statement of the function gives its value directly. */
  direct: Value | undefined
}

export interface LoopLabels {
  readonly break: number
  /** Undefined inside a switch that stands in no loop. */
  readonly continue: number | undefined
}

/** The parts of lowering that call each other in a circle. */
export interface Lowering {
  /** A call of a function of the kernel, with its parameters bound to values and places. */
  inline(
    ctx: Context,
    fn: AstFunction,
    args: readonly Value[],
    refs: readonly (Ref | undefined)[],
    line: number,
  ): Value
  /** @param used whether something is done with the result */
  call(ctx: Context, name: string, args: readonly AstExpr[], line: number, used: boolean): Value
  construct(ctx: Context, type: AstType, args: readonly AstExpr[], line: number): Value
}

/** Everything that lowering knows at one point of a kernel. */
export class Context {
  readonly source: LinkedSource
  readonly builder: Builder
  readonly functions = new Map<string, AstFunction>()
  readonly structs = new Map<string, WgslType>()
  readonly aliases = new Map<string, AstType>()
  readonly globals = new Map<string, Symbol>()
  scopes: Map<string, Symbol>[] = []
  readonly frames: Frame[] = []
  loops: LoopLabels[] = []
  /** What expressions need of calls, and calls of statements, which in turn need expressions. */
  readonly inline: Lowering['inline']
  readonly call: Lowering['call']
  readonly construct: Lowering['construct']

  constructor(source: LinkedSource, builder: Builder, lowering: Lowering) {
    this.source = source
    this.builder = builder
    this.inline = lowering.inline
    this.call = lowering.call
    this.construct = lowering.construct
  }

  place(line: number): Place {
    return placeOf(this.source, line)
  }

  refuse(line: number, reason: string, instead: string): KernelRefusal {
    return new KernelRefusal(this.place(line), reason, instead)
  }

  /** Whether the line comes from a part of the prelude. */
  inPrelude(line: number): boolean {
    return this.place(line).file.startsWith('prelude/')
  }

  lookup(name: string): Symbol | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const found = this.scopes[i]!.get(name)
      if (found !== undefined) return found
    }
    return this.globals.get(name)
  }

  define(name: string, symbol: Symbol): void {
    ;(this.scopes.at(-1) ?? (this.globals as Map<string, Symbol>)).set(name, symbol)
  }

  scoped<T>(work: () => T): T {
    this.scopes.push(new Map())
    try {
      return work()
    } finally {
      this.scopes.pop()
    }
  }

  /** @throws KernelRefusal for a type that Tier A does not have */
  type(ast: AstType, line: number): WgslType {
    const inner = (): WgslType => {
      if (ast.format === null || ast.format === undefined)
        throw this.refuse(line, `${ast.name} without the type of its components`, `Write ${ast.name}<u32>`)
      return this.type(ast.format, line)
    }
    const vector = /^vec([234])([uif])?$/.exec(ast.name)
    if (vector !== null) {
      const size = Number(vector[1]) as 2 | 3 | 4
      const of =
        vector[2] === undefined || ast.format != null
          ? inner()
          : vector[2] === 'u'
            ? U32
            : vector[2] === 'i'
              ? I32
              : F32
      if (of.k !== 'scalar')
        throw this.refuse(line, 'a vector of something other than scalars', 'Use u32, i32, bool or f32')
      return { k: 'vector', of: of.of, size }
    }
    switch (ast.name) {
      case 'u32':
        return U32
      case 'i32':
        return I32
      case 'bool':
        return BOOL
      case 'f32':
        return F32
      case 'f16':
        throw this.refuse(
          line,
          'f16 is used: few integers are exact in it, and not every device has it',
          'Compute in integers or fixed point, or in f32 with exact integers up to 2^24',
        )
      case 'atomic': {
        const of = inner()
        if (of.k !== 'scalar' || (of.of !== 'u32' && of.of !== 'i32'))
          throw this.refuse(line, 'an atomic of something other than u32 or i32', 'Use atomic<u32>')
        return { k: 'atomic', of: of.of }
      }
      case 'array': {
        const of = inner()
        if (hasFloat(of))
          throw this.refuse(
            line,
            'an array of f32: the proof follows f32 values through variables only',
            'Keep integers in the array, and convert what is read by f32()',
          )
        return { k: 'array', of, count: ast.count ?? 0 }
      }
    }
    if (ast.astNodeType === 'pointer') {
      if (ast.storage !== 'function' || ast.type == null)
        throw this.refuse(
          line,
          `a pointer into ${ast.storage ?? 'nothing'}`,
          'Use ptr<function, T>, or name the buffer',
        )
      return { k: 'pointer', to: this.type(ast.type, line) }
    }
    const alias = this.aliases.get(ast.name)
    if (alias !== undefined) return this.type(alias, line)
    const known = this.structs.get(ast.name)
    if (known !== undefined) return known
    if (ast.members !== undefined) {
      const made = structOf(
        ast.name,
        ast.members.map((member) => {
          if (member.attributes !== null && member.attributes.length > 0)
            throw this.refuse(
              member.line,
              `the member ${member.name} has attributes`,
              'Let the layout follow from the types',
            )
          return { name: member.name, type: this.type(member.type!, member.line) }
        }),
      )
      this.structs.set(ast.name, made)
      return made
    }
    throw this.refuse(
      line,
      `the type ${ast.name} is not in Tier A`,
      'Use u32, i32, bool, f32 for exact integers, their vectors, fixed-size arrays and structures',
    )
  }
}
