import { describe, expect, test } from 'vitest'
import { link } from './link.ts'

const from =
  (parts: Record<string, string>) =>
  (name: string): string | undefined =>
    parts[name]

describe('link', () => {
  test('replaces each include once, in order, and keeps every other byte', () => {
    const parts = from({ wide: 'fn wide() {}\n', philox: '// philox\n//!include wide\nfn philox() {}\n' })
    const kernel = '// kernel\n//!include philox\n//!include wide\n\nfn main() {} //!include wide\n'
    expect(link(kernel, parts)).toBe(
      '// kernel\n// philox\nfn wide() {}\nfn philox() {}\n\nfn main() {} //!include wide\n',
    )
  })

  test('a text without includes is unchanged', () => {
    expect(link('a\n\n  b\t\n', from({}))).toBe('a\n\n  b\t\n')
  })

  test('refuses recursion, unknown parts and paths', () => {
    expect(() => link('//!include a', from({ a: '//!include b', b: '//!include a' }))).toThrow('a > b > a')
    expect(() => link('//!include a', from({ a: '//!include a' }))).toThrow('a > a')
    expect(() => link('//!include none', from({}))).toThrow('no prelude part "none"')
    expect(() => link('//!include ../secret', from({}))).toThrow('not the name')
    expect(() => link('//!include ', from({}))).toThrow('not the name')
  })
})
