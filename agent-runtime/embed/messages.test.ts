import { describe, expect, it } from 'vitest'
import { isHello, isLayout } from './messages.ts'

const LAYOUT = { forge: 'embed/1', t: 'layout', layout: 'card', width: 340, height: 446 }
const HELLO = { forge: 'embed/1', t: 'hello' }

describe('a message of the embed', () => {
  it('is one of this version, with exactly its fields', () => {
    expect(isHello(HELLO)).toBe(true)
    expect(isLayout(LAYOUT)).toBe(true)
    expect(isLayout({ ...LAYOUT, layout: 'none', width: 0, height: 0 })).toBe(true)
  })

  it.each([
    undefined,
    null,
    'hello',
    JSON.stringify(HELLO),
    [],
    {},
    { t: 'hello' },
    { ...HELLO, forge: 'embed/2' },
    { ...HELLO, t: 'start' },
    { ...HELLO, more: 1 },
    Object.create(HELLO),
  ])('is no hello: %j', (value) => {
    expect(isHello(value)).toBe(false)
  })

  it.each([
    HELLO,
    { ...LAYOUT, layout: 'page' },
    { ...LAYOUT, width: 401 },
    { ...LAYOUT, height: 641 },
    { ...LAYOUT, height: -1 },
    { ...LAYOUT, height: Number.NaN },
    { ...LAYOUT, height: '446px' },
    { ...LAYOUT, height: undefined },
    { ...LAYOUT, style: 'opacity: 0' },
    { ...LAYOUT, forge: undefined },
  ])('is no layout, nor room without bounds: %j', (value) => {
    expect(isLayout(value)).toBe(false)
  })
})
