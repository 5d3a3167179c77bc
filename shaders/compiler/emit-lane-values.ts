import binaryen from 'binaryen'
import { UniformEmitter } from './emit-uniform.ts'
import { type Code, PARAMETERS } from './emit-values.ts'
import type { Expr, Kernel, Statement } from './ir.ts'
import { LaneArithmetic } from './lane-arithmetic.ts'
import { formOf } from './lane-forms.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { spreadLocals } from './spread-locals.ts'
import { expressionVaries, type Uniformity } from './uniformity.ts'

export const LANES = [0, 1, 2, 3] as const
export const ZEROS = new Uint8Array(16)
export const LANE_NUMBERS = new Uint8Array(Uint32Array.from(LANES).buffer)

/** Emits the values of four lanes: what is the same in all of them as scalars, the rest as vectors. */
export class LaneValueEmitter extends UniformEmitter {
  protected readonly uniformity: Uniformity
  protected readonly lanes: LaneArithmetic
  /** The lanes that go on: a mask, kept up to date. */
  readonly active: number
  /** The first of the four invocations, a multiple of four; and the last lane that is one of the invocations asked for. */
  readonly first: number
  readonly last: number
  /** Lane 0 of locals whose lanes follow each other by a step. */
  readonly #origins = new Map<number, number>()
  /** Vectors of uniform locals that are assigned once, made where they are assigned. */
  protected readonly splats: ReadonlyMap<number, number>
  readonly #uniformSplats = new Map<number, number>()
  /** Uniform locals of which the scalar is needed as well. */
  protected readonly scalars: ReadonlySet<number>

  constructor(
    m: binaryen.Module,
    kernel: Kernel,
    plan: MemoryPlan,
    types: binaryen.Type[],
    uniformity: Uniformity,
  ) {
    super(m, kernel, plan, types)
    this.uniformity = uniformity
    this.lanes = new LaneArithmetic(m, (value) => this.keep(value, binaryen.v128))
    this.active = this.temp(binaryen.v128)
    this.first = this.temp(binaryen.i32)
    this.last = this.temp(binaryen.i32)
    this.#origins.set(0, this.first)
    const { spread, scalars } = spreadLocals(kernel, uniformity)
    this.splats = new Map([...spread].map((local) => [local, this.temp(binaryen.v128)]))
    this.scalars = scalars
  }

  override prologue(): Code[] {
    const splats = [...this.#uniformSplats].map(([word, local]) =>
      this.m.local.set(local, this.m.i32x4.splat(this.m.local.get(this.uniformLocal(word), binaryen.i32))),
    )
    return [...super.prologue(), ...splats]
  }

  /** Keeps lane 0 of a local whose lanes follow each other. */
  protected setOrigin(local: number, value: Expr): Code {
    const origin = this.temp(binaryen.i32)
    this.#origins.set(local, origin)
    return this.m.local.set(origin, this.expr(value))
  }

  protected varies(local: number): boolean {
    return this.uniformity.varying.has(local)
  }

  protected isVarying(e: Expr): boolean {
    return expressionVaries(e, this.uniformity)
  }

  protected activeLanes(): Code {
    return this.m.local.get(this.active, binaryen.v128)
  }

  protected assign(s: Statement, local: number, value: Code): Code {
    const { m } = this
    const at = PARAMETERS + local
    if (this.uniformity.atHome.get(s) === true) return m.local.set(at, value)
    return m.local.set(at, m.v128.bitselect(value, m.local.get(at, binaryen.v128), this.activeLanes()))
  }

  /** Of a value that the lanes do not share but follow each other in, that of lane 0. */
  override expr(e: Expr): Code {
    if (e.k === 'local' && this.varies(e.local)) {
      const origin = this.#origins.get(e.local)
      if (origin === undefined) throw new Error('a value of each lane has no scalar')
      return this.m.local.get(origin, binaryen.i32)
    }
    return super.expr(e)
  }

  /** The value of an expression in each lane. */
  vector(e: Expr): Code {
    const { m } = this
    if (e.k === 'const')
      return m.v128.const(
        new Uint8Array(Uint32Array.from(LANES, () => (e.type === 'bool' ? -e.value : e.value)).buffer),
      )
    if (!this.isVarying(e)) return this.#splat(e)
    switch (e.k) {
      case 'local':
        return m.local.get(PARAMETERS + e.local, binaryen.v128)
      case 'unary':
        return this.#unary(e)
      case 'select':
        if (!this.isVarying(e.when)) return m.select(this.expr(e.when), this.vector(e.yes), this.vector(e.no))
        return m.v128.bitselect(this.vector(e.yes), this.vector(e.no), this.vector(e.when))
      case 'binary': {
        if (e.op === 'rem_u' && typeof formOf(e, this.uniformity) === 'object')
          return m.i32x4.add(m.i32x4.splat(this.expr(e)), m.v128.const(LANE_NUMBERS))
        const shift = e.op === 'shl' || e.op === 'shr_u' || e.op === 'shr_s'
        if (shift && !this.isVarying(e.b)) return m.i32x4[e.op](this.vector(e.a), this.expr(e.b))
        if (e.type === 'bool' && (e.op === 'eq' || e.op === 'ne') && e.a.type === 'bool') {
          const differ = m.v128.xor(this.vector(e.a), this.vector(e.b))
          return e.op === 'ne' ? differ : m.v128.not(differ)
        }
        const direct = this.lanes.binary(e.op, this.vector(e.a), this.vector(e.b))
        if (direct !== undefined) return direct
        return this.#division(e)
      }
      default:
        throw new Error('constants and uniforms do not vary')
    }
  }

  #splat(e: Expr): Code {
    const { m } = this
    if (e.k === 'local') {
      const known = this.splats.get(e.local)
      if (known !== undefined) return m.local.get(known, binaryen.v128)
    }
    if (e.k === 'uniform') {
      let local = this.#uniformSplats.get(e.word)
      if (local === undefined) {
        this.uniformLocal(e.word)
        local = this.temp(binaryen.v128)
        this.#uniformSplats.set(e.word, local)
      }
      return m.local.get(local, binaryen.v128)
    }
    const scalar = this.expr(e)
    return m.i32x4.splat(e.type === 'bool' ? m.i32.sub(m.i32.const(0), scalar) : scalar)
  }

  #unary(e: Expr & { k: 'unary' }): Code {
    const { m } = this
    const a = this.vector(e.a)
    switch (e.op) {
      case 'to_f32':
      case 'to_i32':
      case 'to_u32':
        return a
      case 'neg':
        return m.i32x4.neg(a)
      case 'complement':
      case 'not':
        return m.v128.not(a)
      case 'abs':
        return m.i32x4.abs(a)
      case 'clz':
        return this.lanes.leadingZeros(a)
      case 'ctz':
      case 'popcnt': {
        const { op } = e
        const kept = this.keep(a, binaryen.v128)
        const lanes = LANES.map((lane) => m.i32[op](m.i32x4.extract_lane(kept.get(), lane as never)))
        return m.block(null, [kept.set, this.lanes.oneByOne(lanes)], binaryen.v128)
      }
    }
  }

  /** Lane by lane; lanes that are switched off divide by all ones. */
  #division(e: Expr & { k: 'binary' }): Code {
    const { m } = this
    const a = this.keep(this.vector(e.a), binaryen.v128)
    const b = this.keep(m.v128.or(this.vector(e.b), m.v128.not(this.activeLanes())), binaryen.v128)
    const lanes = LANES.map((lane) =>
      this.binaryCode(
        e.op,
        () => m.i32x4.extract_lane(a.get(), lane as never),
        () => m.i32x4.extract_lane(b.get(), lane as never),
      ),
    )
    return m.block(null, [a.set, b.set, this.lanes.oneByOne(lanes)], binaryen.v128)
  }
}
