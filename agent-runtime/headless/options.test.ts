import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { headlessOptions } from './options.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'forge-options-'))
afterAll(() => rmSync(folder, { recursive: true }))
const token = `fpnt_${'a'.repeat(43)}`
const tokenFile = path.join(folder, 'token')
writeFileSync(tokenFile, `${token}\n`)
const HUB = ['--hub', 'http://localhost:3000']

describe('the flags of the headless agent', () => {
  it('have defaults for everything but the hub', () => {
    expect(headlessOptions(HUB)).toMatchObject({
      hubUrl: 'http://localhost:3000',
      executor: 'cpu',
      name: 'agent',
      intensity: 1,
      ownerToken: undefined,
      keyFile: expect.stringMatching(/agent\.key$/),
    })
  })

  it('read the owner token from a file', () => {
    expect(headlessOptions([...HUB, '--owner-token-file', tokenFile]).ownerToken).toBe(token)
  })

  it.each<[string, string[]]>([
    ['no hub', []],
    ['a hub over ftp', ['--hub', 'ftp://x']],
    ['an unknown executor', [...HUB, '--executor', 'quantum']],
    ['an unknown flag', [...HUB, '--token', 'secret']],
    ['an intensity of zero', [...HUB, '--intensity', '0']],
    ['a name with a path in it', [...HUB, '--name', '../x']],
    ['a token file that is not there', [...HUB, '--owner-token-file', path.join(folder, 'absent')]],
  ])('refuse %s in one line', (_, argv) => {
    expect(() => headlessOptions(argv)).toThrow(
      expect.objectContaining({ code: 'CONTRACT_INVALID', message: expect.stringMatching(/^.{5,300}$/) }),
    )
  })

  it('never show a token that is malformed', () => {
    const file = path.join(folder, 'bad')
    writeFileSync(file, 'hunter2')
    expect(() => headlessOptions([...HUB, '--owner-token-file', file])).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })
})
