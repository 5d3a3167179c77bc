import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { ensureBrowser } from '../scripts/browser.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const START_TIMEOUT_MS = 60_000

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  // Three tabs of one headless browser are never all in front; a visitor's own tab would be.
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
]

export interface Contributor {
  readonly name: string
  readonly token: string
  readonly wish: 'webgpu' | 'cpu'
}

export interface Agents {
  /** How each contributor takes part, for people. */
  readonly lines: readonly string[]
  readonly gpu: boolean
  close(): Promise<void>
}

/**
 * Starts one agent a contributor: a real tab on the contribute page, driven as a visitor would, or a headless process
 * where no browser can be had.
 */
export async function startAgents(url: string, contributors: readonly Contributor[]): Promise<Agents> {
  const found = await ensureBrowser({ quiet: true })
  if (!found.found) {
    const agents = startProcesses(url, contributors)
    return { ...agents, lines: [`${found.what}: ${found.how}`, ...agents.lines] }
  }
  const browser = await chromium.launch({
    executablePath: found.executablePath,
    headless: true,
    args: FLAGS,
    env: { ...process.env, ...found.env },
  })
  const lines: string[] = []
  let gpu = false
  for (const contributor of contributors) {
    const executor = await openTab(browser, url, contributor)
    gpu ||= executor === 'webgpu'
    lines.push(
      `${contributor.name}: Chromium ${browser.version()} tab, ${executor}${executor === contributor.wish ? '' : ' (no WebGPU adapter here)'}`,
    )
  }
  return { lines, gpu, close: () => browser.close() }
}

async function openTab(browser: Browser, url: string, contributor: Contributor): Promise<string> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${url}/contribute`)
  const executor = contributor.wish === 'webgpu' && !(await hasAdapter(page)) ? 'cpu' : contributor.wish
  await page.getByRole('radio', { name: executor === 'webgpu' ? /WebGPU/ : /CPU/ }).click()
  const token = page.getByRole('textbox', { name: 'Owner token' })
  if (!(await token.isVisible())) await page.getByText('Advanced').click()
  await token.fill(contributor.token)
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await page.getByRole('button', { name: /^Stop/ }).waitFor({ timeout: START_TIMEOUT_MS })
  return executor
}

async function hasAdapter(page: Page): Promise<boolean> {
  return await page.evaluate(async () => {
    const adapter = await (navigator as Navigator & { gpu?: GPU }).gpu?.requestAdapter()
    return adapter !== null && adapter !== undefined
  })
}

function startProcesses(url: string, contributors: readonly Contributor[]): Agents {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-demo-'))
  const children: ChildProcess[] = contributors.map((contributor, index) => {
    const file = path.join(folder, `owner-${index}`)
    writeFileSync(file, contributor.token, { mode: 0o600 })
    const flags = [
      '--hub',
      url,
      '--token-file',
      file,
      '--executor',
      'cpu',
      '--name',
      contributor.name,
      '--key-file',
      path.join(folder, `key-${index}`),
    ]
    return spawn(process.execPath, [path.join(ROOT, 'dist/agent.mjs'), ...flags], { stdio: 'ignore' })
  })
  return {
    lines: contributors.map(({ name }) => `${name}: headless Node agent, cpu`),
    gpu: false,
    async close() {
      for (const child of children) child.kill('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
