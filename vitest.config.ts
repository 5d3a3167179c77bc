import { defineConfig } from 'vitest/config'

const NEVER = ['**/node_modules/**', '.next/**', 'dist/**', 'e2e/**']
const EXECUTORS = '**/*.executors.test.ts'
const INTEGRATION = '**/*.integration.test.ts'

/** Three kinds of test, told apart by the file's name and run one after the other by scripts/test.mjs. */
export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    // The smallest supported machine has two cores.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts', '**/*.test.tsx'],
          exclude: [...NEVER, EXECUTORS, INTEGRATION],
          testTimeout: 20_000,
          hookTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          // Real browsers and runtimes on software drivers: one file at a time, or they starve each other.
          name: 'executors',
          include: [EXECUTORS],
          exclude: NEVER,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // A real database and real processes; ten times as slow on a loaded machine.
          name: 'integration',
          include: [INTEGRATION],
          exclude: NEVER,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
})
