import { expect, test } from 'vitest'
import { isHandheld } from './handheld.ts'

const MAC =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15'

test.each([
  [
    'Chrome on Windows',
    { userAgent: 'Mozilla/5.0 (Windows NT 10.0) Chrome/140.0', maxTouchPoints: 10 },
    false,
  ],
  [
    'Firefox on Linux',
    { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', maxTouchPoints: 0 },
    false,
  ],
  ['Safari on a Mac', { userAgent: MAC, maxTouchPoints: 0 }, false],
  ['an iPad, which says that it is a Mac', { userAgent: MAC, maxTouchPoints: 5 }, true],
  ['an iPhone', { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile', maxTouchPoints: 5 }, true],
  [
    'an Android tablet',
    { userAgent: 'Mozilla/5.0 (Linux; Android 10; K) Chrome/140', maxTouchPoints: 5 },
    true,
  ],
  [
    'whatever tells so by client hints',
    { userAgent: 'reduced', maxTouchPoints: 0, userAgentData: { mobile: true } },
    true,
  ],
])('%s: %o', (_, signs, expected) => {
  expect(isHandheld(signs)).toBe(expected)
})
