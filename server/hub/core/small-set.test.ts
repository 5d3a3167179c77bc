import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SmallSet } from './small-set.ts'

it('does what a Set does, in the same order', () => {
  const things = Array.from({ length: 14 }, (_, number) => ({ number }))
  const deed = fc.record({ what: fc.constantFrom('add', 'delete'), which: fc.nat(things.length - 1) })
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 120, size: 'max' }), (deeds) => {
      const small = new SmallSet<object>()
      const model = new Set<object>()
      for (const { what, which } of deeds) {
        const thing = things[which] as object
        if (what === 'add') {
          small.add(thing)
          model.add(thing)
        } else expect(small.delete(thing)).toBe(model.delete(thing))
        expect(small.size).toBe(model.size)
        expect([...small]).toEqual([...model])
        for (const one of things) expect(small.has(one)).toBe(model.has(one))
      }
    }),
  )
})
