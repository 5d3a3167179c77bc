import { defineConfig, devices } from '@playwright/test'
import { ensureBrowser } from './scripts/browser.mjs'

const browser = await ensureBrowser({ quiet: true })
if (!browser.found) throw new Error(`${browser.what}. ${browser.how}`)

/**
 * Root may not use Chromium's sandbox. The flags from --disable-quic on keep a fresh profile from calling home. Tabs of
 * one headless browser are never all in front, as a visitor's own tab would be: none of them is slowed down for it.
 */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
]
/** WebGPU on a software driver counts as unsafe. */
const WEBGPU_FLAG = '--enable-unsafe-webgpu'

const launch = { executablePath: browser.executablePath, env: { ...process.env, ...browser.env } }

/**
 * The whole product in a real browser. Each file starts the sites it needs (e2e/support/site.ts), one after the other:
 * two agents and a server fill the smallest supported machine.
 */
export default defineConfig({
  testDir: 'e2e',
  workers: 1,
  fullyParallel: false,
  forbidOnly: process.env.CI !== undefined,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  outputDir: 'test-results/e2e',
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: {
    ...devices['Desktop Chrome'],
    actionTimeout: 45_000,
    navigationTimeout: 45_000,
    trace: { mode: 'retain-on-failure', screenshots: false, sources: false },
  },
  projects: [
    {
      name: 'chromium',
      testIgnore: '**/*.no-webgpu.spec.ts',
      use: { launchOptions: { ...launch, args: [...CHROMIUM_FLAGS, WEBGPU_FLAG] } },
    },
    {
      name: 'chromium without WebGPU',
      testMatch: '**/*.no-webgpu.spec.ts',
      use: { launchOptions: { ...launch, args: CHROMIUM_FLAGS } },
    },
  ],
})
