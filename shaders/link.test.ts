import { describe, expect, test } from 'vitest'
import { link as linkSource } from './link.ts'

const link = (source: string, prelude: (name: string) => string | undefined) =>
  linkSource('kernel.wgsl', source, prelude).text

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

  test('makes a variant of a kernel with other parts', () => {
    const parts = from({
      wide: 'fn wide() {}\n',
      draw: '//!include wide\nfn draw() {}\n',
      'draw-f32': 'fn draw() { f32(); }\n',
    })
    const kernels = from({ 'mc/k.v1': '// k\n//!include draw\n//!include wide\nfn main() {}\n' })
    const variant = (source: string) => linkSource('v.wgsl', source, parts, kernels)
    const { text, origins } = variant('// v\n//!include draw-f32 for draw\n//!kernel mc/k.v1\n')
    expect(text).toBe('// v\nfn draw() { f32(); }\n// k\nfn wide() {}\nfn main() {}\n')
    expect(origins[4]).toEqual({ file: 'mc/k.v1.wgsl', line: 4 })
    expect(() => variant('//!kernel mc/none')).toThrow('no kernel "mc/none"')
    expect(() => variant('//!kernel mc/k.v1\n//!include draw-f32 for draw')).toThrow('included already')
    expect(() => variant('//!include draw-f32 for')).toThrow('not the name')
  })

  test('knows where each line comes from', () => {
    const prelude = from({ wide: '// wide\nfn wide() {}\n' })
    const { text, origins } = linkSource('k.wgsl', '// k\n//!include wide\nfn main() {}', prelude)
    expect(text.split('\n').map((line, i) => [line, origins[i]?.file, origins[i]?.line])).toEqual([
      ['// k', 'k.wgsl', 1],
      ['// wide', 'prelude/wide.wgsl', 1],
      ['fn wide() {}', 'prelude/wide.wgsl', 2],
      ['fn main() {}', 'k.wgsl', 3],
    ])
  })
})
