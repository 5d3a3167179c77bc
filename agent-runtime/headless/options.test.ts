import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { headlessOptions } from './options.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'forge-options-'))
afterAll(() => rmSync(folder, { recursive: true }))
const token = `fpnt_${'a'.repeat(43)}`
const [inFile, inVariable] = [`fpnt_${'b'.repeat(43)}`, `fpnt_${'c'.repeat(43)}`]
const tokenFile = path.join(folder, 'token')
writeFileSync(tokenFile, `${inFile}\n`)
const HUB = ['--hub', 'http://localhost:3000']
const NOTHING = {}

describe('the flags of the headless agent', () => {
  it('have defaults for everything but the hub', () => {
    expect(headlessOptions(HUB, NOTHING)).toMatchObject({
      hubUrl: 'http://localhost:3000',
      executor: 'cpu',
      name: 'agent',
      intensity: 1,
      threads: undefined,
      nodeToken: undefined,
      keyFile: expect.stringMatching(/agent\.key$/),
    })
  })

  it('take the node token from the command line or a file, else from the environment', () => {
    const environment = { FORGE_NODE_TOKEN: inVariable }
    const tokenOf = (...more: string[]) => headlessOptions([...HUB, ...more], environment).nodeToken
    expect(tokenOf('--token', token)).toBe(token)
    expect(tokenOf('--token-file', tokenFile)).toBe(inFile)
    expect(tokenOf()).toBe(inVariable)
    expect(headlessOptions(HUB, { FORGE_NODE_TOKEN: '' }).nodeToken).toBeUndefined()
  })

  it('take the families of ops to compute, all of them by default', () => {
    expect(headlessOptions(HUB, NOTHING).causes).toBeUndefined()
    expect(headlessOptions([...HUB, '--causes', 'mc,tensor'], NOTHING).causes).toEqual(['mc', 'tensor'])
  })

  it.each<[string, string[]]>([
    ['a family that there is none of', [...HUB, '--causes', 'mc,alchemy']],
    ['no hub', []],
    ['a hub over ftp', ['--hub', 'ftp://x']],
    ['an unknown executor', [...HUB, '--executor', 'quantum']],
    ['an unknown flag', [...HUB, '--secret', 'x']],
    ['no thread', [...HUB, '--threads', '0']],
    ['more threads than there are cores', [...HUB, '--threads', '65']],
    ['an intensity of zero', [...HUB, '--intensity', '0']],
    ['a name with a path in it', [...HUB, '--name', '../x']],
    ['a token file that is not there', [...HUB, '--token-file', path.join(folder, 'absent')]],
    ['two tokens', [...HUB, '--token', token, '--token-file', tokenFile]],
  ])('refuse %s in one line', (_, argv) => {
    expect(() => headlessOptions(argv, NOTHING)).toThrow(
      expect.objectContaining({ code: 'CONTRACT_INVALID', message: expect.stringMatching(/^.{5,300}$/) }),
    )
  })

  it('never show a token that is malformed', () => {
    const file = path.join(folder, 'bad')
    writeFileSync(file, 'hunter2')
    const refusal = expect.objectContaining({
      code: 'CONTRACT_INVALID',
      message: expect.not.stringContaining('hunter2'),
    })
    expect(() => headlessOptions([...HUB, '--token-file', file], NOTHING)).toThrow(refusal)
    expect(() => headlessOptions([...HUB, '--token', 'hunter2'], NOTHING)).toThrow(refusal)
    expect(() => headlessOptions(HUB, { FORGE_NODE_TOKEN: 'hunter2' })).toThrow(refusal)
  })
})
