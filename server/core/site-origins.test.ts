import { expect, test } from 'vitest'
import { parseOrigins } from './site-origins.ts'

test.each([
  'https://example.org',
  'https://www.example.org:8443',
  'https://xn--bcher-kva.example',
  'http://localhost:4000',
  'http://127.0.0.1:4000',
])('%s is an origin', (origin) => {
  expect(parseOrigins([origin])).toEqual([origin])
})

test.each([
  ['http://example.org', 'https'],
  ['http://localhost.example.org', 'https'],
  ['https://example.org/', 'Write https://example.org'],
  ['https://example.org/path', 'Write https://example.org'],
  ['https://example.org?x', 'Write https://example.org'],
  ['https://example.org#x', 'Write https://example.org'],
  ['https://user@example.org', 'Write https://example.org'],
  ['https://example.org:443', 'Write https://example.org'],
  ['https://Example.org', 'Write https://example.org'],
  ['https://bücher.example', 'Write https://xn--bcher-kva.example'],
  ['https://*.example.org', 'list each origin'],
  ['https://*', 'list each origin'],
  ['https://[::1]', 'list each origin'],
  ['https://example.org.', 'list each origin'],
  ["https://example.org; script-src 'unsafe-inline'", 'Write it like'],
  ['https://example.org https://evil.example', 'Write it like'],
  ['file:///tmp', 'list each origin'],
  ['data:text/html,x', 'list each origin'],
  ['null', 'Write it like'],
  ['*', 'Write it like'],
  ['', 'Write it like'],
  [`https://${'a'.repeat(300)}.org`, 'Write it like'],
])('%s is none, and the answer says what to write', (text, hint) => {
  expect(() => parseOrigins(['https://example.org', text])).toThrow(
    expect.objectContaining({
      code: 'INPUT_INVALID',
      path: 'allowed_origins.1',
      hint: expect.stringContaining(hint),
    }),
  )
})

test('each origin is kept once, and there is a limit', () => {
  expect(parseOrigins(['https://a.example', 'https://a.example'])).toEqual(['https://a.example'])
  const many = Array.from({ length: 21 }, (_, index) => `https://s${index}.example`)
  expect(() => parseOrigins(many)).toThrow(expect.objectContaining({ path: 'allowed_origins' }))
})
