import { existsSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { opFolder } from './folder.ts'
import { OPS } from './registry.ts'

const here = new URL('.', import.meta.url)

test('every folder is an op of the registry, and every op has its folder', () => {
  const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(
    OPS.list()
      .map(({ ref }) => opFolder(ref))
      .sort(),
  ).toEqual(folders.map(({ name }) => name).sort())
})

test.each(OPS.list().map(({ id, ref }) => ({ id, folder: opFolder(ref) })))(
  '$id has its documentation and tests',
  ({ folder }) => {
    for (const file of ['documentation.ts', 'reference.test-support.ts', 'equality.test-support.ts']) {
      expect(existsSync(new URL(`${folder}/${file}`, here)), file).toBe(true)
    }
  },
)
