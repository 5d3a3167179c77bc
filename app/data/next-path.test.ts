import { describe, expect, it } from 'vitest'
import { HOME_OF_PEOPLE, nextPath, withNext } from './next-path.ts'

describe('where to go after signing in', () => {
  it('is the page that was wanted', () => {
    expect(nextPath('/submit?from=1#x')).toBe('/submit?from=1#x')
    expect(nextPath('/jobs/')).toBe('/jobs/')
  })

  it.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    'submit',
    '',
  ])('is never another site: %j', (wanted) => {
    expect(nextPath(wanted)).toBe(HOME_OF_PEOPLE)
  })

  it('is the account for what is no single path', () => {
    expect(nextPath(undefined)).toBe(HOME_OF_PEOPLE)
    expect(nextPath(['/a', '/b'])).toBe(HOME_OF_PEOPLE)
  })

  it('travels in the query', () => {
    expect(withNext('/sign-in', '/submit?from=1')).toBe('/sign-in?next=%2Fsubmit%3Ffrom%3D1')
    expect(withNext('/sign-up', HOME_OF_PEOPLE)).toBe('/sign-up')
  })
})
