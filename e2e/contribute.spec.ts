import { expect, test } from '@playwright/test'
import { piContract } from './support/contracts.ts'
import {
  agentSockets,
  count,
  expectAgent,
  expectClosed,
  openContributor,
  panel,
  reading,
} from './support/pages.ts'
import { type Site, startSite } from './support/site.ts'

/** More than any machine computes within a test. */
const ENDLESS_SHARDS = 100_000

let site: Site
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
})
test.afterAll(() => site?.stop())

test('nothing runs before the button, and one press pauses, resumes and stops it', async ({
  page,
  browser,
}) => {
  const { api } = await site.signUp('Mary')
  const job = await api.submit(piContract('contribute', ENDLESS_SHARDS, { mode: 'none' }))
  const sockets = agentSockets(page)
  await page.goto(`${site.url}/contribute`)
  await expect(page.getByRole('button', { name: 'Start contributing' })).toBeEnabled()
  const consent = panel(page, 'What you agree to')
  for (const part of ['What runs', 'What it uses', 'What it never does', 'How to stop'])
    await expect(consent.getByText(part, { exact: true })).toBeVisible()
  await expect(consent).toContainText('Nothing runs before you press the button.')
  await page.waitForLoadState('networkidle')
  expect(page.workers()).toEqual([])
  expect(sockets).toEqual([])
  expect(await api.agentOwners()).toEqual([])
  expect((await api.job(job)).progress).toMatchObject({ accepted: 0, in_flight: 0 })

  await page.getByRole('radio', { name: 'WebGPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expectAgent(page, 'Probing')
  await expectAgent(page, 'Contributing')
  expect(sockets).toHaveLength(1)
  await expect(panel(page, 'Probe report')).toContainText('computes correctly')
  const agent = panel(page, 'This tab’s agent')
  await expect(reading(agent, 'Executor')).toHaveText('WebGPU')
  await expect(agent.getByText('mc@1/pi.v1')).toBeVisible()
  await expect(agent.getByRole('progressbar', { name: 'Shards of the current lease' })).toBeVisible()
  const shards = reading(agent, 'Shards done')
  await expect.poll(() => count(shards)).toBeGreaterThan(0)
  await expect.poll(() => count(reading(agent, 'Shards accepted'))).toBeGreaterThan(0)
  await expect(panel(page, 'What happened')).toContainText('of mc@1/pi.v1 returned after')

  await agent.getByRole('button', { name: 'Pause' }).click()
  await expectAgent(page, 'You paused it.')
  await expect(agent.getByText('Nothing is being computed.')).toBeVisible()
  await expect.poll(async () => (await api.job(job)).progress.in_flight).toBe(0)
  const doneAtPause = await count(shards)

  // Another tab, on the CPU, is given the shards that came back; its work is the clock by which the first one rests.
  const other = await openContributor(browser, site.url, { executor: 'CPU' })
  const otherAgent = panel(other, 'This tab’s agent')
  await expect(reading(otherAgent, 'Executor')).toHaveText('WASM')
  await expect.poll(() => count(reading(otherAgent, 'Leases returned'))).toBeGreaterThan(1)
  expect(await count(shards)).toBe(doneAtPause)
  await expect(agent.getByText('Nothing is being computed.')).toBeVisible()

  await agent.getByRole('button', { name: 'Resume' }).click()
  await expectAgent(page, 'Contributing')
  await expect.poll(() => count(shards)).toBeGreaterThan(doneAtPause)

  await agent.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByRole('button', { name: 'Start contributing' })).toBeVisible()
  await expectClosed(sockets)
  await otherAgent.getByRole('button', { name: 'Stop' }).click()
  await expect(other.getByRole('button', { name: 'Start contributing' })).toBeVisible()
  await expect.poll(async () => (await api.job(job)).progress.in_flight).toBe(0)
  await api.cancel(job)
})

test('the agent goes on while its owner reads other pages, and every page says so', async ({ page }) => {
  const sockets = agentSockets(page)
  await page.goto(`${site.url}/contribute`)
  await page.getByRole('radio', { name: 'CPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expectAgent(page, 'Contributing')
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Jobs' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Jobs' })).toBeVisible()
  expect(sockets.map((socket) => socket.isClosed())).toEqual([false])
  await page.getByRole('link', { name: 'This tab’s agent: Contributing' }).click()
  await panel(page, 'This tab’s agent').getByRole('button', { name: 'Stop' }).click()
  await expectClosed(sockets)
})

test('what a tab computes counts for whoever has signed in', async ({ page, context }) => {
  await page.goto(`${site.url}/contribute`)
  await expect(panel(page, 'Start')).toContainText(
    'For this computer’s network, because nobody has signed in.',
  )

  const ada = await site.signUp('Ada L.')
  await ada.enter(context)
  await page.reload()
  await expect(panel(page, 'Start')).toContainText('For your account, Ada L.')
  await page.getByRole('radio', { name: 'CPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expectAgent(page, 'Contributing')
  await expect(panel(page, 'This tab’s agent')).toContainText('contributing as Ada L.')
  expect(await ada.api.agentOwners()).toContain('Ada L.')
  expect(await site.api.agentOwners()).not.toContain('Ada L.')
})

test('a node token names the account of what the tab computes', async ({ page }) => {
  const grace = await site.signUp('Grace H.')
  await page.goto(`${site.url}/contribute`)
  await page.getByText('I have a node token').click()
  await page.getByRole('textbox', { name: 'Node token' }).fill(await grace.api.nodeToken('a tab'))
  await page.getByRole('radio', { name: 'CPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expectAgent(page, 'Contributing')
  await expect(panel(page, 'This tab’s agent')).toContainText('contributing as Grace H.')
  expect(page.url()).not.toContain('fpnt_')
})

test('a token that is none is refused before anything starts', async ({ page }) => {
  await page.goto(`${site.url}/contribute`)
  await page.getByText('I have a node token').click()
  const token = page.getByRole('textbox', { name: 'Node token' })
  await token.fill('fpnt_short')
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expect(token).toHaveAttribute('aria-invalid', 'true')
  await expect(page.getByRole('alert').filter({ hasText: 'fpnt_' })).toHaveText(
    'A token is fpnt_ followed by 43 characters.',
  )
  expect(page.workers()).toEqual([])

  await token.fill(`fpnt_${'A'.repeat(43)}`)
  await page.getByRole('radio', { name: 'CPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'Contributing ended' })).toContainText('token')
})
