import { type Browser, expect, type Locator, type Page, type WebSocket, type Worker } from '@playwright/test'
import type { Person } from './people.ts'

/** A panel of a page by the name on its frame. */
export function panel(page: Page, name: string): Locator {
  return page.getByRole('region', { name, exact: true })
}

/** The figure that stands under this name. */
export function reading(scope: Locator, name: string): Locator {
  return scope
    .locator('dl > div')
    .filter({ has: scope.page().getByText(name, { exact: true }) })
    .locator('dd')
    .first()
}

/** A figure as a number: "1,024 shards/s" is 1024. */
export async function count(figure: Locator): Promise<number> {
  return Number.parseFloat(((await figure.textContent()) ?? '').replaceAll(',', ''))
}

/** The accepted shards that a job page shows. */
export async function acceptedShown(page: Page): Promise<number> {
  const bar = panel(page, 'Progress').getByRole('progressbar', { name: 'Shards accepted' })
  return Number(await bar.getAttribute('aria-valuenow'))
}

/** The state that a job page shows. */
export function stateShown(page: Page, state: string): Locator {
  return panel(page, 'Progress').getByText(state, { exact: true })
}

/** A mark that does not survive a reload. */
export async function markAsOpen(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { left_open: true }))
}

export async function expectNeverReloaded(page: Page): Promise<void> {
  expect(await page.evaluate(() => Reflect.get(window, 'left_open'))).toBe(true)
}

export interface ContributorOptions {
  readonly executor: 'WebGPU' | 'CPU'
  /** Who has signed in; without anybody the owner is this machine's network, the same for all tabs. */
  readonly person?: Person
}

/** Opens a tab in a browser profile of its own and starts contributing, as a visitor does. */
export async function openContributor(
  browser: Browser,
  url: string,
  { executor, person }: ContributorOptions,
): Promise<Page> {
  const context = await browser.newContext()
  await person?.enter(context)
  const page = await context.newPage()
  await page.goto(`${url}/contribute`)
  await page.getByRole('radio', { name: executor }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expectAgent(page, 'Contributing')
  return page
}

/** Probing compiles every kernel, which takes a software driver some seconds. */
const PROBE_MS = 60_000

/** Waits until this tab's agent is in the state of this name. */
export async function expectAgent(page: Page, state: string): Promise<void> {
  const status = panel(page, 'This tab’s agent').getByRole('status')
  await expect(status).toContainText(state, { timeout: PROBE_MS })
}

/** Every digest in a part of a page, as a screen reader would say it: the same bytes stand there twice. */
export function digestsShown(scope: Locator): Promise<string[]> {
  return scope
    .getByText(/^[0-9a-f]{64}$/)
    .and(scope.locator(':not([aria-hidden])'))
    .allInnerTexts()
}

/** The connections to the hub that a tab has opened since this call, its worker's included. */
export function agentSockets(page: Page): readonly WebSocket[] {
  const sockets: WebSocket[] = []
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).pathname === '/agent') sockets.push(socket)
  })
  return sockets
}

/** Waits until a tab has no open connection to the hub. */
export async function expectClosed(sockets: readonly WebSocket[]): Promise<void> {
  expect(sockets.length).toBeGreaterThan(0)
  await expect.poll(() => sockets.every((socket) => socket.isClosed())).toBe(true)
}

/** How long a worker that lives may take to answer, between two shards. */
const WORKER_ANSWER_MS = 5_000

/** Waits until nothing computes in a tab: a browser whose GPU is busy may list a worker for long after its end. */
export async function expectNoWorkers(page: Page): Promise<void> {
  const living = async () => {
    const answers = await Promise.all(page.workers().map(answersInTime))
    return answers.filter((answered) => answered).length
  }
  await expect.poll(living).toBe(0)
}

function answersInTime(worker: Worker): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), WORKER_ANSWER_MS)
    worker
      .evaluate(() => true)
      .catch(() => false)
      .then((answered) => {
        clearTimeout(late)
        resolve(answered)
      })
  })
}
