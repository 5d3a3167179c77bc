import { describe, expect, it } from 'vitest'
import { authErrorOf } from './auth-errors.ts'

describe('a refusal of sign-in', () => {
  it('says the same for a wrong password and for an address without an account', () => {
    const error = authErrorOf({
      code: 'INVALID_EMAIL_OR_PASSWORD',
      message: 'Invalid email or password',
      status: 401,
    })
    expect(error.code).toBe('UNAUTHENTICATED')
    expect(error.message).toBe('the e-mail address or the password is wrong')
    expect(error.hint).toContain('reset the password')
  })

  it('keeps what the door itself refuses', () => {
    const forge = { code: 'RATE_LIMITED', message: 'too many tries', hint: 'Wait a minute.', retryable: true }
    expect(authErrorOf({ error: forge, status: 429, statusText: 'Too Many Requests' }).toJSON()).toEqual(
      forge,
    )
  })

  it('names the field', () => {
    expect(authErrorOf({ code: 'PASSWORD_TOO_SHORT', status: 400 }).path).toBe('password')
    expect(authErrorOf({ code: 'INVALID_EMAIL', status: 400 }).path).toBe('email')
  })

  it('knows an ended session, an unknown refusal, a dead server and a lost network', () => {
    expect(authErrorOf({ status: 401, statusText: 'Unauthorized' }).code).toBe('UNAUTHENTICATED')
    expect(authErrorOf({ status: 400, message: 'Passkey is odd' }).toJSON()).toMatchObject({
      code: 'MESSAGE_INVALID',
      message: 'passkey is odd',
    })
    expect(authErrorOf({ status: 503, statusText: '' }).code).toBe('UNAVAILABLE')
    expect(authErrorOf(new TypeError('Failed to fetch')).code).toBe('UNAVAILABLE')
  })
})
