import binaryen from 'binaryen'
import { LaneMemoryEmitter } from './emit-lane-memory.ts'
import { LANES, ZEROS } from './emit-lane-values.ts'
import { type Code, PARAMETERS } from './emit-values.ts'
import { exits } from './exits.ts'
import type { Statement } from './ir.ts'

/** Loads that a basic block may begin with where others follow later. */
const LOADS_AHEAD_MAX = 3

/**
 * Emits four neighbouring invocations side by side: what is the same in all of them as scalars, the rest as vectors. Where
 * lanes part ways, a mask says which of them go on; what they write is blended or written lane by lane.
 */
export class LaneEmitter extends LaneMemoryEmitter {
  /** Lanes that have left a divergent block and wait for its end. */
  readonly #left = new Map<number, number>()
  /** Divergent blocks that are open, and the WASM labels that code can go on at: their ends, and those of arms of ifs. */
  readonly #open: number[] = []
  readonly #resume: string[] = []
  #boundaries = 0
  /** Blocks that all lanes leave together, and that are open. */
  readonly #uniformBlocks: number[] = []

  /** Consecutive low and high words of one product are made together. */
  override statements(list: readonly Statement[]): Code {
    const code: Code[] = []
    // Loads since the last begin of a basic block, and whether anything was computed since the last of them.
    let loads = 0
    let computed = false
    this.inList(list, (at) => {
      for (let i = 0; i < list.length; i++) {
        const s = list[i]!
        const next = list[i + 1]
        if (s.k === 'load' && this.#isReadyEarly(s)) {
          if (computed && loads >= LOADS_AHEAD_MAX) {
            code.push(this.#boundary())
            loads = 0
          }
          loads++
          computed = false
        } else if (s.k === 'set') computed = true
        else if (s.k !== 'load') loads = 0
        const pair = next === undefined ? undefined : this.#wideProduct(s, next)
        code.push(pair ?? at(i, () => this.statement(s)))
        if (pair !== undefined) i++
        const after = this.#leaveIfNoneIsLeft(pair === undefined ? s : next!)
        if (after !== undefined) code.push(after)
      }
    })
    return code.length === 1 ? code[0]! : this.m.block(null, code)
  }

  override statement(s: Statement): Code {
    const { m } = this
    switch (s.k) {
      case 'set':
        if (!this.varies(s.local)) {
          const splat = this.splats.get(s.local)
          const set = super.statement(s)
          return splat === undefined
            ? set
            : m.block(null, [
                set,
                m.local.set(splat, m.i32x4.splat(m.local.get(PARAMETERS + s.local, binaryen.i32))),
              ])
        }
        if (!this.reads.has(s.local)) return m.nop()
        if (!this.uniformity.forms.has(s.local)) return this.assign(s, s.local, this.vector(s.value))
        return m.block(null, [
          this.setOrigin(s.local, s.value),
          this.assign(s, s.local, this.vector(s.value)),
        ])
      case 'load':
        return this.load(s)
      case 'store':
        return this.store(s)
      case 'atomic':
        return this.atomic(s)
      case 'if':
        return this.uniformity.divergentIfs.has(s) ? this.#divergentIf(s) : super.statement(s)
      case 'block':
        return this.uniformity.divergentBlocks.has(s.label) ? this.#divergentBlock(s) : this.#uniformBlock(s)
      case 'exit':
        return this.uniformity.divergentBlocks.has(s.label) ? this.#leave(s.label) : super.statement(s)
      default:
        return super.statement(s)
    }
  }

  /**
   * Begins a basic block, by a branch out of the innermost block that is never taken. V8 places all loads of a basic block
   * before what it computes of them, and what then finds no register goes to the stack; and it computes a value in the
   * last block that can do so. A branch to where the values of the block are used keeps each load near its use. No two
   * branches have the same condition, of which an engine would leave out all but the first.
   */
  #boundary(): Code {
    const { m } = this
    const label = this.#uniformBlocks.at(-1)
    if (label === undefined) return m.nop()
    const never = m.i32.eq(
      m.local.get(this.last, binaryen.i32),
      m.i32.const(LANES.length + this.#boundaries++),
    )
    return m.br_if(`b${label}`, never)
  }

  /** Whether a load waits for nothing that the lanes compute: its address is that of a buffer and of counters. */
  #isReadyEarly(s: Statement & { k: 'load' }): boolean {
    const run = this.runOf(s.from)
    return run !== undefined && this.reachOf(s.from, run) !== undefined
  }

  #divergentIf(s: Statement & { k: 'if' }): Code {
    const { m } = this
    const when = this.keep(this.vector(s.when), binaryen.v128)
    const before = this.keep(this.activeLanes(), binaryen.v128)
    const arm = (body: readonly Statement[], mask: Code): Code[] => {
      const label = `arm${this.temp(binaryen.i32)}`
      this.#resume.push(label)
      this.divergence++
      const inner = this.statements(body)
      this.divergence--
      this.#resume.pop()
      return [
        m.local.set(this.active, mask),
        m.if(m.v128.any_true(this.activeLanes()), m.block(label, [inner])),
      ]
    }
    const yes = arm(s.yes, m.v128.and(before.get(), when.get()))
    const leaves = s.yes.length > 0 && mayLeave(s)
    if (s.no.length === 0) {
      const rest = leaves
        ? m.v128.or(this.activeLanes(), m.v128.andnot(before.get(), when.get()))
        : before.get()
      return m.block(null, [when.set, before.set, ...yes, m.local.set(this.active, rest)])
    }
    const afterYes = this.keep(this.activeLanes(), binaryen.v128)
    const no = arm(s.no, m.v128.andnot(before.get(), when.get()))
    const rest = leaves ? m.v128.or(this.activeLanes(), afterYes.get()) : before.get()
    return m.block(null, [when.set, before.set, ...yes, afterYes.set, ...no, m.local.set(this.active, rest)])
  }

  #uniformBlock(s: Statement & { k: 'block' }): Code {
    this.#uniformBlocks.push(s.label)
    const code = super.statement(s)
    this.#uniformBlocks.pop()
    return code
  }

  #divergentBlock(s: Statement & { k: 'block' }): Code {
    const { m } = this
    const left = this.temp(binaryen.v128)
    this.#left.set(s.label, left)
    this.#open.push(s.label)
    this.#resume.push(`b${s.label}`)
    this.divergence++
    const body = this.statements(s.body)
    this.divergence--
    this.#resume.pop()
    this.#open.pop()
    return m.block(null, [
      m.local.set(left, m.v128.const(ZEROS)),
      m.block(`b${s.label}`, [body]),
      m.local.set(this.active, m.v128.or(this.activeLanes(), m.local.get(left, binaryen.v128))),
    ])
  }

  /** The lanes that go on leave for the end of a block. */
  #leave(label: number): Code {
    const { m } = this
    const left = this.#left.get(label)!
    return m.block(null, [
      m.local.set(left, m.v128.or(m.local.get(left, binaryen.v128), this.activeLanes())),
      m.local.set(this.active, m.v128.const(ZEROS)),
    ])
  }

  /** After a statement that lanes may leave from: where none goes on here, on to where the first of them may wait. */
  #leaveIfNoneIsLeft(s: Statement): Code | undefined {
    const { m } = this
    const resume = this.#resume.at(-1)
    if (resume === undefined || !this.#open.some((label) => exits([s], label))) return undefined
    if (s.k === 'exit') return m.br(resume)
    return m.br_if(resume, m.i32.eqz(m.v128.any_true(this.activeLanes())))
  }

  /** `low = a * b` followed by `high = mul_high(a, b)`. */
  #wideProduct(s: Statement, next: Statement): Code | undefined {
    if (s.k !== 'set' || next.k !== 'set' || s.value.k !== 'binary' || next.value.k !== 'binary')
      return undefined
    if (
      s.value.op !== 'mul' ||
      next.value.op !== 'mul_high' ||
      s.value.a !== next.value.a ||
      s.value.b !== next.value.b
    )
      return undefined
    if (
      !this.varies(s.local) ||
      !this.varies(next.local) ||
      !this.reads.has(s.local) ||
      !this.reads.has(next.local)
    )
      return undefined
    const both = this.lanes.wideProduct(
      this.vector(s.value.a),
      this.vector(s.value.b),
      (value) => this.assign(s, s.local, value),
      (value) => this.assign(next, next.local, value),
    )
    if (!this.uniformity.forms.has(s.local)) return both
    return this.m.block(null, [this.setOrigin(s.local, s.value), both])
  }
}

/** Whether some lanes of a statement may go on elsewhere than at its end. */
function mayLeave(s: Statement): boolean {
  switch (s.k) {
    case 'exit':
      return true
    case 'if':
      return s.yes.some(mayLeave) || s.no.some(mayLeave)
    case 'block':
    case 'loop':
      return s.body.some(mayLeave)
    default:
      return false
  }
}
