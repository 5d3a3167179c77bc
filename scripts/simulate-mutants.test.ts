import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './simulate-mutants.mjs'

describe('planted bugs', () => {
  it.each(MUTANTS)('$name: what it replaces is there, once', ({ edits }) => {
    for (const { file, find, replace } of edits) {
      const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
      expect(source.split(find).length - 1, `${file}: ${find}`).toBe(1)
      expect(replace).not.toBe(find)
    }
  })
})
