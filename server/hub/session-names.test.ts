import { describe, expect, it } from 'vitest'
import { enrolOutput } from '../../kernel/protocol.ts'
import { SessionNames } from './session-names.ts'

describe('the name of a session', () => {
  const pool = new SessionNames('the secret of a pool, long enough')

  it('tells hubs with the same secret, and no others, which hub made it', () => {
    const name = pool.make(7)
    expect(new SessionNames('the secret of a pool, long enough').epochOf(name)).toBe(7)
    expect(new SessionNames('another secret of another pool').epochOf(name)).toBeUndefined()
    expect(pool.make(7)).not.toBe(name)
  })

  it('is none when anything of it is changed, or nobody made it', () => {
    const name = pool.make(12)
    for (let at = 0; at < name.length; at++) {
      const digit = name[at] === 'A' ? 'E' : 'A'
      const other = `${name.slice(0, at)}${at < 44 ? digit : name[at] === '1' ? '3' : '1'}${name.slice(at + 1)}`
      expect(pool.epochOf(other)).toBeUndefined()
    }
    for (const text of [
      '',
      'house',
      `${name}0`,
      name.slice(0, -1),
      name.slice(0, 44),
      `${name.slice(0, 44)}012`,
    ])
      expect(pool.epochOf(text)).toBeUndefined()
  })

  it('is what the protocol takes for a session, however late the hub started', () => {
    const session = enrolOutput.shape.session
    for (const epoch of [1, Number.MAX_SAFE_INTEGER])
      expect(pool.epochOf(session.parse(pool.make(epoch)))).toBe(epoch)
  })
})
