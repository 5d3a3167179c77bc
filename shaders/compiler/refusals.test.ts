import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { link } from '../link.ts'
import { compileKernel } from './compile.ts'
import { KernelRefusal } from './refusal.ts'

/**
 * Kernels that Tier A does not have, one fault each, and what their author is told. After a deliberate change of a
 * message: npx vitest run --project unit shaders/compiler/refusals.test.ts -u
 */

const folder = new URL('testdata/refused/', import.meta.url)
const prelude = (part: string) => readFileSync(new URL(`../prelude/${part}.wgsl`, import.meta.url), 'utf8')

test('every faulty kernel is refused with its place, the reason and the way round', async () => {
  const files = readdirSync(folder).sort()
  expect(files.length).toBeGreaterThan(40)
  const told = files.map((file) => {
    const source = link(file, readFileSync(new URL(file, folder), 'utf8'), prelude)
    try {
      compileKernel(file, source)
      return `${file}: NOT REFUSED`
    } catch (refusal) {
      if (!(refusal instanceof KernelRefusal)) throw refusal
      expect(refusal.place.line, file).toBeGreaterThan(0)
      return `${file}:${refusal.place.line}\n  ${refusal.reason}\n  ${refusal.instead}`
    }
  })
  expect(told.filter((line) => line.endsWith('NOT REFUSED'))).toEqual([])
  await expect(`${told.join('\n')}\n`).toMatchFileSnapshot('testdata/refused.txt')
})
