import binaryen from 'binaryen'
import type { BinaryOp, Expr, Kernel, UnaryOp } from './ir.ts'
import { readLocals } from './locals.ts'
import { HEADER, type MemoryPlan } from './memory-plan.ts'

export type Code = binaryen.ExpressionRef

/** Parameters of the exported function: first invocation, end, and gid.y. */
export const PARAMETERS = 3

/** Emits values that one invocation has, or all lanes alike: expressions, words of the uniform, where buffers lie. */
export class ValueEmitter {
  protected readonly m: binaryen.Module
  protected readonly kernel: Kernel
  protected readonly plan: MemoryPlan
  /** Types of the WASM locals after the parameters. */
  readonly types: binaryen.Type[]
  protected readonly reads: ReadonlySet<number>
  readonly #uniforms = new Map<number, number>()
  readonly #bases = new Map<number, number>()
  readonly #lengths = new Map<number, number>()

  constructor(m: binaryen.Module, kernel: Kernel, plan: MemoryPlan, types: binaryen.Type[]) {
    this.m = m
    this.kernel = kernel
    this.plan = plan
    this.types = types
    this.reads = readLocals(kernel.body)
  }

  /** @returns the index of a new WASM local */
  temp(type: binaryen.Type): number {
    this.types.push(type)
    return PARAMETERS + this.types.length - 1
  }

  /** Code that stands once before the invocations: words of the uniform, addresses and lengths of buffers. */
  prologue(): Code[] {
    const { m } = this
    const load = (at: number) => m.i32.load(at, 4, m.i32.const(0))
    const code: Code[] = []
    for (const [binding, local] of this.#bases)
      code.push(m.local.set(local, load(HEADER.bases + 4 * binding)))
    for (const [binding, local] of this.#lengths)
      code.push(m.local.set(local, load(HEADER.lengths + 4 * binding)))
    code.push(...this.limitCode())
    const uniformBase = () => load(HEADER.bases)
    for (const [word, local] of this.#uniforms)
      code.push(m.local.set(local, m.i32.load(4 * word, 4, uniformBase())))
    return code
  }

  /** Code that makes limits of indices, from the lengths of buffers. */
  protected limitCode(): Code[] {
    return []
  }

  /** Elements of a runtime-sized buffer. */
  protected length(memory: number, stride: number): Code {
    const { m } = this
    const info = this.kernel.memories[memory]!
    if (info.k !== 'storage') throw new Error('only buffers have a length at run time')
    const words = m.local.get(this.#headerLocal(this.#lengths, info.binding), binaryen.i32)
    if (stride === 1) return words
    return (stride & (stride - 1)) === 0
      ? m.i32.shr_u(words, m.i32.const(Math.log2(stride)))
      : m.i32.div_u(words, m.i32.const(stride))
  }

  /** Where a memory begins: a fixed place, or a local that holds it. */
  protected base(memory: number): { readonly local: number | undefined; readonly offset: number } {
    const info = this.kernel.memories[memory]!
    if (info.k === 'storage') return { local: this.#headerLocal(this.#bases, info.binding), offset: 0 }
    const { base } = (info.k === 'private' ? this.plan.privates : this.plan.constants).get(memory)!
    return { local: undefined, offset: base }
  }

  #headerLocal(map: Map<number, number>, binding: number): number {
    let local = map.get(binding)
    if (local === undefined) {
      local = this.temp(binaryen.i32)
      map.set(binding, local)
    }
    return local
  }

  protected uniformLocal(word: number): number {
    return this.#headerLocal(this.#uniforms, word)
  }

  /** Puts a value into a local, to be read any number of times. */
  keep(value: Code, type: binaryen.Type = binaryen.i32): { readonly set: Code; readonly get: () => Code } {
    const local = this.temp(type)
    return { set: this.m.local.set(local, value), get: () => this.m.local.get(local, type) }
  }

  /** A value that an operation reads twice: again and again where that costs nothing, else through a local. */
  #twice(e: Expr): [first: () => Code, again: () => Code] {
    if (e.k === 'const' || e.k === 'local' || e.k === 'uniform')
      return [() => this.expr(e), () => this.expr(e)]
    const local = this.temp(binaryen.i32)
    return [
      () => this.m.local.tee(local, this.expr(e), binaryen.i32),
      () => this.m.local.get(local, binaryen.i32),
    ]
  }

  expr(e: Expr): Code {
    const { m } = this
    switch (e.k) {
      case 'const':
        return m.i32.const(e.value | 0)
      case 'local':
        return m.local.get(PARAMETERS + e.local, binaryen.i32)
      case 'uniform':
        return m.local.get(this.uniformLocal(e.word), binaryen.i32)
      case 'unary':
        return this.#unary(e.op, e.a)
      case 'binary': {
        if (e.op.startsWith('min_') || e.op.startsWith('max_')) {
          // WASM evaluates the condition of a select last.
          const [a, aAgain] = this.#twice(e.a)
          const [b, bAgain] = this.#twice(e.b)
          return m.select(
            this.#compare(`${e.op.startsWith('min') ? 'lt' : 'gt'}_${e.op.at(-1)}`, aAgain(), bAgain()),
            a(),
            b(),
          )
        }
        return this.binaryCode(
          e.op,
          () => this.expr(e.a),
          () => this.expr(e.b),
        )
      }
      case 'select':
        return m.select(this.expr(e.when), this.expr(e.yes), this.expr(e.no))
    }
  }

  #unary(op: UnaryOp, a: Expr): Code {
    const { m } = this
    switch (op) {
      case 'to_f32':
      case 'to_i32':
      case 'to_u32':
        return this.expr(a)
      case 'neg':
        return m.i32.sub(m.i32.const(0), this.expr(a))
      case 'complement':
        return m.i32.xor(this.expr(a), m.i32.const(-1))
      case 'not':
        return m.i32.eqz(this.expr(a))
      case 'clz':
        return m.i32.clz(this.expr(a))
      case 'ctz':
        return m.i32.ctz(this.expr(a))
      case 'popcnt':
        return m.i32.popcnt(this.expr(a))
      case 'abs': {
        const [first, again] = this.#twice(a)
        const sign = this.temp(binaryen.i32)
        const mask = m.local.tee(sign, m.i32.shr_s(first(), m.i32.const(31)), binaryen.i32)
        return m.i32.sub(m.i32.xor(mask, again()), m.local.get(sign, binaryen.i32))
      }
    }
  }

  #compare(op: string, a: Code, b: Code): Code {
    const { i32 } = this.m
    return (i32 as unknown as Record<string, (a: Code, b: Code) => Code>)[op]!(a, b)
  }

  /** @param a gives the operand's code; called once, except for minima and maxima, where it must be a plain read */
  protected binaryCode(op: BinaryOp, a: () => Code, b: () => Code): Code {
    const { m } = this
    switch (op) {
      case 'mul_high':
        return m.i32.wrap(m.i64.shr_u(m.i64.mul(m.i64.extend_u(a()), m.i64.extend_u(b())), m.i64.const(32n)))
      case 'dot2_i16': {
        const left = this.keep(a())
        const right = this.keep(b())
        const low = (x: Code) => m.i32.shr_s(m.i32.shl(x, m.i32.const(16)), m.i32.const(16))
        const high = (x: Code) => m.i32.shr_s(x, m.i32.const(16))
        return m.block(
          null,
          [
            left.set,
            right.set,
            m.i32.add(
              m.i32.mul(low(left.get()), low(right.get())),
              m.i32.mul(high(left.get()), high(right.get())),
            ),
          ],
          binaryen.i32,
        )
      }
      case 'min_u':
      case 'min_s':
      case 'max_u':
      case 'max_s':
        return m.select(
          this.#compare(`${op.startsWith('min') ? 'lt' : 'gt'}_${op.at(-1)}`, a(), b()),
          a(),
          b(),
        )
      default:
        return this.#compare(op, a(), b())
    }
  }
}
