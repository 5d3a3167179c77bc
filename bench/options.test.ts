import { describe, expect, it } from 'vitest'
import { parseOptions } from './options.ts'
import type { Suite } from './suite.ts'
import { SUITES } from './suites.ts'

const fake: Suite = {
  name: 'fake',
  title: 'for this test',
  ids: () => ['a/x', 'a/y', 'b'],
  run: async () => ({ rows: [], adapters: [] }),
}
const parse = (...argv: string[]) => parseOptions(argv, [fake])

describe('the command line', () => {
  it('runs a whole suite by default', () => {
    expect(parse('fake')).toEqual({
      suite: fake,
      only: new Set(fake.ids()),
      rounds: 7,
      soak: false,
      output: 'table',
    })
  })

  it('takes ids and beginnings of ids', () => {
    expect(parse('fake', '--only', 'b,a/', '--rounds', '3', '--json')).toEqual({
      suite: fake,
      only: new Set(['b', 'a/x', 'a/y']),
      rounds: 3,
      soak: false,
      output: 'json',
    })
    expect(parse('fake', '--soak')).toMatchObject({ soak: true })
    expect(parse('fake', '--only=a/x')).toMatchObject({ only: new Set(['a/x']) })
  })

  it('prints help and ids', () => {
    expect(parse('--help')).toMatchObject({ print: expect.stringContaining('for this test') })
    expect(parse('fake', '--list')).toEqual({ print: 'a/x\na/y\nb\n' })
  })

  it.each([
    [[], /name one suite: fake/],
    [['nothing'], /no suite "nothing": fake/],
    [['fake', 'more'], /name one suite/],
    [['fake', '--only', 'z'], /no id "z": a\/x, a\/y, b/],
    [['fake', '--only', ''], /no id ""/],
    [['fake', '--rounds', '0'], /from 1 to 99/],
    [['fake', '--rounds', 'many'], /from 1 to 99/],
    [['fake', '--json', '--markdown'], /not both/],
    [['fake', '--fast'], /--fast/],
  ])('refuses %j', (argv, reason) => {
    expect(() => parseOptions(argv, [fake])).toThrow(reason)
  })
})

describe('the registry', () => {
  it('has no suite or id twice', () => {
    expect(new Set(SUITES.map(({ name }) => name)).size).toBe(SUITES.length)
    for (const suite of SUITES) expect(new Set(suite.ids()).size).toBe(suite.ids().length)
  })
})
