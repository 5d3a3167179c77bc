import { defineConfig, devices } from '@playwright/test'
import { findBrowser } from './scripts/browser.mjs'

const browser = findBrowser()
if (browser === undefined) throw new Error('No Chromium here: run `node scripts/browser.mjs`')

/**
 * Root may not use Chromium's sandbox. The flags from --disable-quic on keep a fresh profile from calling home; WebGPU
 * on a software driver counts as unsafe.
 */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
]

/** The suite's own set-up starts the server and gives its address to the tests. */
export default defineConfig({
  testDir: 'e2e',
  workers: 1,
  fullyParallel: false,
  forbidOnly: process.env.CI !== undefined,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  outputDir: 'test-results/e2e',
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  projects: [
    {
      name: 'chromium',
      use: {
        ...devices['Desktop Chrome'],
        trace: 'retain-on-failure',
        launchOptions: {
          executablePath: browser.executablePath,
          env: { ...process.env, ...browser.env },
          args: CHROMIUM_FLAGS,
        },
      },
    },
  ],
})
