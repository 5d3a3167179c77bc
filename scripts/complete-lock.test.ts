import { expect, test } from 'vitest'
import { completePackages } from './complete-lock.mjs'

test('adds the optional packages of other platforms, and only those', () => {
  const packages = {
    '': {},
    'node_modules/tool': {
      version: '2.0.0',
      dev: true,
      optionalDependencies: {
        '@tool/cli-linux-x64': '2.0.0',
        '@tool/cli-linux-arm64-musl': '2.0.0',
        '@tool/cli-darwin-arm64': '2.0.0',
        'unrelated-helper': '1.0.0',
        '@tool/cli-win32-x64': '^2.0.0',
      },
    },
    'node_modules/@tool/cli-linux-x64': { version: '2.0.0' },
  }
  expect(completePackages(packages)).toEqual([
    '@tool/cli-linux-arm64-musl@2.0.0',
    '@tool/cli-darwin-arm64@2.0.0',
  ])
  expect(packages).toMatchObject({
    'node_modules/@tool/cli-linux-arm64-musl': {
      cpu: ['arm64'],
      os: ['linux'],
      libc: ['musl'],
      optional: true,
      dev: true,
    },
    'node_modules/@tool/cli-darwin-arm64': {
      version: '2.0.0',
      cpu: ['arm64'],
      os: ['darwin'],
      optional: true,
    },
  })
  expect(completePackages(packages)).toEqual([])
})
