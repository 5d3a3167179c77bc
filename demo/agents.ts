import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { ensureBrowser } from '../scripts/browser.mjs'
import { type Person, withSecret } from './people.ts'

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
  readonly person: Person
  readonly wish: 'webgpu' | 'cpu'
}

export interface Agents {
  /** How each contributor takes part, for people. */
  readonly lines: readonly string[]
  readonly gpu: boolean
  close(): Promise<void>
}

/**
 * Starts one agent a contributor: a real tab on the contribute page, signed in and driven as a visitor would, or a headless
 * process with a node token where no browser can be had.
 */
export async function startAgents(url: string, contributors: readonly Contributor[]): Promise<Agents> {
  const found = await ensureBrowser({ quiet: true })
  if (!found.found) {
    const agents = await startProcesses(url, contributors)
    return { ...agents, lines: [`${found.what}: ${found.how}`, ...agents.lines] }
  }
  const browser = await chromium.launch({
    executablePath: found.executablePath,
    headless: true,
    args: FLAGS,
    env: { ...process.env, ...found.env },
    // Playwright would end this process at a signal, before the site is stopped and the demo's key revoked.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
  const lines: string[] = []
  let gpu = false
  for (const contributor of contributors) {
    const executor = await openTab(browser, url, contributor)
    gpu ||= executor === 'webgpu'
    lines.push(
      `${contributor.person.name}: Chromium ${browser.version()} tab, ${executor}${executor === contributor.wish ? '' : ' (no WebGPU adapter here)'}`,
    )
  }
  return { lines, gpu, close: () => browser.close() }
}

async function openTab(browser: Browser, url: string, { person, wish }: Contributor): Promise<string> {
  const context = await browser.newContext()
  const page = await context.newPage()
  // The cookie is the tab's own: its agent works for whoever has signed in.
  const { email, password } = person
  const signedIn = await context.request.post(`${url}/api/auth/sign-in/email`, {
    data: { email, password },
    headers: { origin: url },
  })
  if (!signedIn.ok()) throw new Error(`${person.name} cannot sign in in a tab: HTTP ${signedIn.status()}`)
  await page.goto(`${url}/contribute`)
  const executor = wish === 'webgpu' && !(await hasAdapter(page)) ? 'cpu' : wish
  await page.getByRole('radio', { name: executor === 'webgpu' ? /WebGPU/ : /CPU/ }).click()
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

async function startProcesses(url: string, contributors: readonly Contributor[]): Promise<Agents> {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-demo-'))
  const tokens = await Promise.all(contributors.map(({ person }) => withSecret(person, 'nodeTokens')))
  const children: ChildProcess[] = contributors.map(({ person }, index) => {
    const file = path.join(folder, `token-${index}`)
    writeFileSync(file, tokens[index]?.token ?? '', { mode: 0o600 })
    const flags = [
      '--hub',
      url,
      '--token-file',
      file,
      '--executor',
      'cpu',
      '--name',
      person.name,
      '--key-file',
      path.join(folder, `key-${index}`),
    ]
    return spawn(process.execPath, [path.join(ROOT, 'dist/forge.mjs'), 'agent', ...flags], {
      stdio: 'ignore',
    })
  })
  return {
    lines: contributors.map(({ person }) => `${person.name}: headless Node agent, cpu`),
    gpu: false,
    async close() {
      for (const child of children) child.kill('SIGTERM')
      await Promise.allSettled(tokens.map(({ revoke }) => revoke()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
