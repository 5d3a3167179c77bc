import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { SETTINGS } from '../server/config.ts'

it('operating.md lists every setting of the server, and no other', () => {
  const text = readFileSync(path.join(import.meta.dirname, 'operating.md'), 'utf8')
  const [, table = ''] = text.split('## Settings')
  const [rows = ''] = table.split('## Backup')
  const listed = rows
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => line.split('|')[1]?.match(/[A-Z_]{4,}/g) ?? [])
  expect(listed.toSorted()).toEqual(SETTINGS.toSorted())
})
