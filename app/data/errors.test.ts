import { describe, expect, it } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import { forgeErrorOf } from './errors.ts'

const json = {
  code: 'ARGS_OUT_OF_RANGE',
  message: 'too large',
  path: 'args.paths',
  hint: 'Less.',
  retryable: false,
}

describe('any thrown value as the project’s error', () => {
  it.each([
    ['a tRPC error', Object.assign(new Error('x'), { data: { code: 'BAD_REQUEST', forge: json } })],
    ['a REST body', { error: json }],
    [
      'the error itself',
      new ForgeError('ARGS_OUT_OF_RANGE', 'too large', { path: 'args.paths', hint: 'Less.' }),
    ],
  ])('%s keeps code, path and hint', (_, thrown) => {
    expect(forgeErrorOf(thrown)).toEqual(json)
  })

  it('calls a failed fetch unavailable, which may be tried again', () => {
    expect(forgeErrorOf(new TypeError('Failed to fetch'))).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
  })

  it('does not believe a code that it does not know', () => {
    expect(forgeErrorOf({ error: { ...json, code: 'MADE_UP' } }).code).toBe('INTERNAL')
  })
})
