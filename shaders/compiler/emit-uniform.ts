import binaryen from 'binaryen'
import { AddressEmitter } from './emit-addresses.ts'
import { type Code, PARAMETERS } from './emit-values.ts'
import type { Statement } from './ir.ts'

/**
 * Emits the intermediate form with one WASM value a local: what one invocation does, or what all lanes of four do alike.
 * A bool is an i32 of 0 or 1.
 */
export class UniformEmitter extends AddressEmitter {
  statements(list: readonly Statement[]): Code {
    const code = this.inList(list, (at) => list.map((statement, i) => at(i, () => this.statement(statement))))
    return code.length === 1 ? code[0]! : this.m.block(null, code)
  }

  statement(s: Statement): Code {
    const { m } = this
    switch (s.k) {
      case 'declare':
        return m.nop()
      case 'set':
        return this.reads.has(s.local) ? m.local.set(PARAMETERS + s.local, this.expr(s.value)) : m.nop()
      case 'load': {
        const used = s.to
          .map((local, i) => ({ local, word: s.words[i]! }))
          .filter(({ local }) => this.reads.has(local))
        if (used.length === 0) return m.nop()
        return this.withAddress(s.from, used.length > 1, (address, offset) =>
          m.block(
            null,
            used.map(({ local, word }) =>
              m.local.set(PARAMETERS + local, m.i32.load(offset + 4 * word, 4, address())),
            ),
          ),
        )
      }
      case 'store': {
        const values = s.values.map((value) => this.keep(this.expr(value)))
        return m.block(null, [
          ...values.map(({ set }) => set),
          this.withAddress(s.to, values.length > 1, (address, offset) =>
            m.block(
              null,
              values.map(({ get }, i) => m.i32.store(offset + 4 * s.words[i]!, 4, address(), get())),
            ),
          ),
        ])
      }
      case 'atomic': {
        const value = this.keep(this.expr(s.value))
        return m.block(null, [
          value.set,
          this.withAddress(s.at, true, (address, offset) => this.update(s, address, offset, value.get)),
        ])
      }
      case 'clear': {
        const { base, words } = this.plan.privates.get(s.memory)!
        return this.clear(base, words)
      }
      case 'if':
        return s.no.length === 0
          ? m.if(this.expr(s.when), this.statements(s.yes))
          : m.if(this.expr(s.when), this.statements(s.yes), this.statements(s.no))
      case 'block':
        return this.#countedLoop(s) ?? m.block(`b${s.label}`, [this.statements(s.body)])
      case 'loop': {
        const label = `l${this.types.length}_${s.place.line}`
        const local = this.temp(binaryen.i32)
        return m.loop(
          `${label}_${local}`,
          m.block(null, [this.statements(s.body), m.br(`${label}_${local}`)]),
        )
      }
      case 'exit':
        return m.br(`b${s.label}`)
    }
  }

  /**
   * A loop that begins with its test, with the test before it and at its end instead. An engine moves out of a loop only
   * what runs in every round: what stands behind a test at the loop's begin, such as the address of a row, does not.
   */
  #countedLoop(s: Statement & { k: 'block' }): Code | undefined {
    const { m } = this
    const [loop, ...more] = s.body
    if (loop?.k !== 'loop' || more.length > 0) return undefined
    const [test, ...body] = loop.body
    if (test?.k !== 'if' || test.no.length > 0 || test.yes.length !== 1) return undefined
    const [leave] = test.yes
    if (leave?.k !== 'exit' || leave.label !== s.label) return undefined
    const label = `l${this.temp(binaryen.i32)}_${loop.place.line}`
    return m.block(`b${s.label}`, [
      m.br_if(`b${s.label}`, this.expr(test.when)),
      m.loop(label, m.block(null, [this.statements(body), m.br_if(label, m.i32.eqz(this.expr(test.when)))])),
    ])
  }

  /** Adds, or whatever the operation is, at an address; an `old` that is read gets what stood there. */
  protected update(
    s: Statement & { k: 'atomic' },
    address: () => Code,
    offset: number,
    value: () => Code,
  ): Code {
    const { m } = this
    const old = PARAMETERS + (s.old ?? this.temp(binaryen.i32) - PARAMETERS)
    return m.block(null, [
      m.local.set(old, m.i32.load(offset, 4, address())),
      m.i32.store(
        offset,
        4,
        address(),
        this.binaryCode(s.op, () => m.local.get(old, binaryen.i32), value),
      ),
    ])
  }

  protected clear(base: number, words: number): Code {
    const { m } = this
    if (words <= 16)
      return m.block(
        null,
        Array.from({ length: words }, (_, i) => m.i32.store(base + 4 * i, 4, m.i32.const(0), m.i32.const(0))),
      )
    const at = this.temp(binaryen.i32)
    const label = `clear${at}`
    return m.block(null, [
      m.local.set(at, m.i32.const(4 * words)),
      m.loop(
        label,
        m.block(null, [
          m.i32.store(
            base,
            4,
            m.local.tee(at, m.i32.sub(m.local.get(at, binaryen.i32), m.i32.const(4)), binaryen.i32),
            m.i32.const(0),
          ),
          m.br_if(label, m.local.get(at, binaryen.i32)),
        ]),
      ),
    ])
  }
}
