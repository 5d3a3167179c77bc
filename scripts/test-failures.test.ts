import { expect, test } from 'vitest'
import { playwrightFailures, vitestFailures } from './test-failures.mjs'

test('a failed test is named with its file and its reason', () => {
  const files = [
    {
      name: '/project/server/hub/intake.test.ts',
      status: 'failed',
      message: '',
      assertionResults: [
        { status: 'passed', fullName: 'a lease is taken in', failureMessages: [] },
        { status: 'failed', fullName: 'a stale one is not', failureMessages: ['expected 1 to be 2'] },
      ],
    },
  ]
  expect(vitestFailures(files, '/project')).toEqual([
    { test: 'server/hub/intake.test.ts › a stale one is not', message: 'expected 1 to be 2' },
  ])
})

test('a file that breaks while it loads is named, and one that passes is not', () => {
  const broken = { name: '/project/a.test.ts', status: 'failed', message: 'no such module' }
  const passed = { name: '/project/b.test.ts', status: 'passed', message: '' }
  const files = [broken, passed].map((file) => ({ ...file, assertionResults: [] }))
  expect(vitestFailures(files, '/project')).toEqual([{ test: 'a.test.ts', message: 'no such module' }])
})

test('a browser test is found in whatever group it is, and also when it passed the second time', () => {
  const spec = { title: 'home proves', file: 'pages.spec.ts', line: 276, ok: true }
  const results = [{ error: { message: 'timed out' } }, {}]
  const inner = {
    file: 'pages.spec.ts',
    specs: [{ ...spec, tests: [{ projectName: 'chromium', results }] }],
  }
  const passed = { ...spec, tests: [{ projectName: 'chromium', results: [{}] }] }
  expect(playwrightFailures([{ file: 'pages.spec.ts', specs: [passed], suites: [inner] }])).toEqual([
    { test: '[chromium] pages.spec.ts:276 › home proves', message: 'timed out' },
  ])
})
