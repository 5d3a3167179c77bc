import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../kernel/canonical.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { applies, argFields } from './arg-fields.ts'
import {
  argErrors,
  checkDraft,
  memberAt,
  newDraft,
  objectField,
  opOf,
  withField,
  withMember,
} from './draft.ts'

const withoutOperands = OPS.list().filter((op) => Object.keys(op.inputs).length === 0)

describe('a new draft', () => {
  it.each(withoutOperands.map((op) => [op.id, op] as const))(
    'of %s is complete and can be planned',
    (_, op) => {
      const check = checkDraft(newDraft(op))
      expect(check.ok && check.job.op).toBe(op.id)
    },
  )

  it('of an op with operands asks for the first of them', () => {
    const check = checkDraft(newDraft(OPS.get('tensor@1/matmul.v1')))
    expect(check.ok ? undefined : check.error.code).toBe('INPUT_MISSING')
  })

  it.each(OPS.list().map((op) => [op.id, op] as const))('of %s is recognised as that op', (_, op) => {
    expect(opOf(newDraft(op))?.id).toBe(op.id)
  })
})

describe('the form of an op', () => {
  it.each(OPS.list().map((op) => [op.id, op] as const))(
    '%s shows every argument of its example, with a title',
    (_, op) => {
      const fields = argFields(op)
      expect(fields?.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(op.example)))
      for (const { title, description } of fields ?? []) {
        expect(title).not.toBe('')
        expect(description).toBeDefined()
      }
    },
  )

  it('asks only for what counts beside the rest', () => {
    const shown = (args: JsonObject) =>
      argFields(OPS.get('mc@1/gbm.v1'))
        ?.filter((field) => applies(field, args))
        .map(({ name }) => name)
        .filter((name) => ['strike', 'payout', 'barrier', 'strike_type'].includes(name))
    expect(shown({ style: 'european' })).toEqual(['strike'])
    expect(shown({ style: 'digital' })).toEqual(['strike', 'payout'])
    expect(shown({ style: 'lookback', strike_type: 'floating' })).toEqual(['strike_type'])
    // What has no place is shown where it stands, so that it can be removed.
    expect(shown({ style: 'european', barrier: 3 })).toEqual(['strike', 'barrier'])
  })

  it('opens the objects inside an argument that may be left out', () => {
    const convergence = argFields(OPS.get('mc@1/gbm.v1'))?.find(({ name }) => name === 'convergence')
    expect(convergence).toMatchObject({ kind: 'group', required: false, title: 'Stop early' })
    expect(convergence?.members.map(({ name, kind, fallback }) => [name, kind, fallback])).toEqual([
      ['target.standard_error', 'number', undefined],
      ['target.relative_error', 'number', undefined],
      ['schedule.first', 'integer', 65_536],
      ['schedule.growth', 'number', 2],
    ])
  })

  it('shows no range for an integer that the schema does not bound', () => {
    for (const op of OPS.list()) {
      for (const { maximum } of argFields(op) ?? [])
        expect(maximum ?? 0).toBeLessThan(Number.MAX_SAFE_INTEGER)
    }
  })
})

describe('bad arguments', () => {
  const op = OPS.get('mc@1/gbm.v1')
  const draft = newDraft(op)

  it('are all named at once', () => {
    const args = { ...objectField(draft, 'args'), volatility: -1, spot: 'abc' }
    expect([...argErrors(op, args).keys()].sort()).toEqual(['spot', 'volatility'])
  })

  it('inside an object are named by their path', () => {
    const args = { ...objectField(draft, 'args'), convergence: { target: { relative_error: 2 } } }
    expect(argErrors(op, args).get('convergence')).toMatch(/^target\.relative_error: /)
  })

  it('give the path of the field', () => {
    const check = checkDraft(withField(draft, 'args', { ...objectField(draft, 'args'), volatility: 1e9 }))
    expect(check.ok ? undefined : check.error).toMatchObject({
      code: 'ARGS_OUT_OF_RANGE',
      path: 'args.volatility',
    })
  })

  it('of a mode that is not built yet are refused with a hint', () => {
    const check = checkDraft(withField(draft, 'verify', { mode: 'full' }))
    expect(check.ok ? undefined : check.error).toMatchObject({
      code: 'NOT_YET_AVAILABLE',
      path: 'verify.mode',
    })
  })
})

describe('members of objects', () => {
  it('are set and read by their path, and leave no empty objects behind', () => {
    const one = withMember({}, 'target.standard_error', 0.1)
    expect(one).toEqual({ target: { standard_error: 0.1 } })
    expect(memberAt(one, 'target.standard_error')).toBe(0.1)
    expect(memberAt(one, 'schedule.first')).toBeUndefined()
    const two = withMember(one, 'schedule.growth', 4)
    expect(withMember(two, 'target.standard_error', undefined)).toEqual({ schedule: { growth: 4 } })
  })
})

describe('withField', () => {
  it('keeps the place of a key that is there', () => {
    expect(Object.keys(withField({ a: 1, b: 2, c: 3 }, 'b', 9))).toEqual(['a', 'b', 'c'])
  })

  it('leaves a key out when its value is undefined', () => {
    expect(withField({ a: 1, b: 2 }, 'a', undefined)).toEqual({ b: 2 })
  })
})
