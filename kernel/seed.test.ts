import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { InputRefs, OpRef } from './contract.ts'
import { philoxKey, seedMaterial } from './seed.ts'

const OP: OpRef = { name: 'mc', version: 1, profile: 'pi.v1' }
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

test('an explicit seed is its own material', () => {
  expect(seedMaterial({ mode: 'explicit', value: '42' }, OP, { points: 1 }, {})).toEqual({
    mode: 'explicit',
    value: '42',
  })
})

test('a derived seed is the SHA-256 of op, args and inputs in canonical form', () => {
  const text = '{"args":{"points":1},"inputs":{},"op":{"name":"mc","profile":"pi.v1","version":1}}'
  expect(seedMaterial({ mode: 'derived' }, OP, { points: 1 }, {})).toEqual({
    mode: 'derived',
    value: sha256(text).toString('hex'),
  })
})

test('a derived seed changes with op, args and inputs, and with nothing in the order of keys', () => {
  const inputs: InputRefs = { a: { digest: '0'.repeat(64), dtype: 'int8', shape: [1] } }
  const derive = (op: OpRef, args: { [key: string]: number }, refs: InputRefs): string =>
    seedMaterial({ mode: 'derived' }, op, args, refs).value
  const values = [
    derive(OP, { x: 1, y: 2 }, inputs),
    derive({ ...OP, version: 2 }, { x: 1, y: 2 }, inputs),
    derive(OP, { x: 1, y: 3 }, inputs),
    derive(OP, { x: 1, y: 2 }, {}),
  ]
  expect(new Set(values).size).toBe(values.length)
  expect(derive(OP, { y: 2, x: 1 }, inputs)).toBe(values[0])
})

test('the Philox key is the first 64 bits of the domain and the material, as little-endian words', () => {
  const digest = sha256('forge/seed/1{"mode":"explicit","value":"42"}')
  expect(philoxKey({ mode: 'explicit', value: '42' })).toEqual([
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
  ])
})

test('an explicit seed never gives the stream of the derived seed of the same value', () => {
  const value = 'ab'.repeat(32)
  expect(philoxKey({ mode: 'explicit', value })).not.toEqual(philoxKey({ mode: 'derived', value }))
})
