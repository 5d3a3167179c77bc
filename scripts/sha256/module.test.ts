import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SHA256_MODULE } from '../../kernel/generated/sha256-module.ts'
import { INITIAL_HASH, ROUND_CONSTANTS } from './constants.ts'
import { buildSha256Module } from './module.ts'

it('the committed module is what its source builds', () => {
  expect(Buffer.from(buildSha256Module()).toString('base64')).toBe(SHA256_MODULE)
})

it('the module imports nothing but a memory', () => {
  const module = new WebAssembly.Module(Buffer.from(SHA256_MODULE, 'base64'))
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
})

it('the constants are those of FIPS 180-4', () => {
  const hex = (words: readonly number[]) => words.map((word) => (word >>> 0).toString(16).padStart(8, '0'))
  expect(hex(INITIAL_HASH)).toEqual([
    '6a09e667',
    'bb67ae85',
    '3c6ef372',
    'a54ff53a',
    '510e527f',
    '9b05688c',
    '1f83d9ab',
    '5be0cd19',
  ])
  expect(hex(ROUND_CONSTANTS).slice(0, 4)).toEqual(['428a2f98', '71374491', 'b5c0fbcf', 'e9b5dba5'])
  expect(hex(ROUND_CONSTANTS).slice(-2)).toEqual(['bef9a3f7', 'c67178f2'])
  const written = readFileSync(new URL('../../kernel/hashing/vector.ts', import.meta.url), 'utf8')
  for (const word of hex(INITIAL_HASH)) expect(written).toContain(`0x${word}`)
})
