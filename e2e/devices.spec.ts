import { expect, test } from '@playwright/test'
import { piContract } from './support/contracts.ts'
import { count, expectAgent, openContributor, panel, reading } from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** A person's devices: what they ran and earned, and whether their keys still count. */

const ENDLESS_SHARDS = 50_000

let site: Site
/** Whose job it is; nobody earns from his own. */
let mary: Person
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
  mary = await site.signUp('Mary')
})
test.afterAll(() => site?.stop())

test('a browser that computes appears with its work and credits, gets a name, and is revoked', async ({
  browser,
}) => {
  const ada = await site.signUp('Ada')
  const job = await mary.api.submit(piContract('devices', 4, { mode: 'none' }))
  const tab = await openContributor(browser, site.url, { executor: 'CPU', person: ada })
  await expect.poll(async () => (await mary.api.job(job)).state, { timeout: 60_000 }).toBe('settled')

  const page = await tab.context().newPage()
  await page.goto(`${site.url}/devices`)
  const device = page.getByRole('list', { name: 'Devices' }).getByRole('listitem').first()
  await expect(device).toContainText('Connected')
  await expect(device).toContainText('This browser')
  await expect(reading(device, 'Accepted shards')).toHaveText('4')
  await expect.poll(() => count(reading(device, 'Credits earned'))).toBeGreaterThan(0)
  await device.getByText('Executors, probe and ops').click()
  await expect(device.getByText('mc@1/pi.v1')).toBeVisible()
  await expect(device.getByText(/Computes correctly: \d+ of \d+ known answers right/)).toBeVisible()

  await device.getByRole('button', { name: /^Rename / }).click()
  await device.getByRole('textbox', { name: 'Name of this device' }).fill('kitchen laptop')
  await device.getByRole('button', { name: 'Save' }).click()
  await expect(device.getByRole('heading', { name: 'kitchen laptop' })).toBeVisible()

  await device.getByRole('button', { name: 'Revoke kitchen laptop' }).click()
  await page
    .getByRole('alertdialog', { name: 'Revoke “kitchen laptop”?' })
    .getByRole('button', { name: 'Revoke the device' })
    .click()
  await expect(page.getByText('No device computes for you yet')).toBeVisible()
  await expect(page.getByText('1 revoked device')).toBeVisible()
  await expect(tab.getByRole('alert').filter({ hasText: 'Contributing ended' })).toContainText('revoked')
})

test('what a browser did without an account is claimed by its key', async ({ page, context }) => {
  const job = await mary.api.submit(piContract('claim', ENDLESS_SHARDS, { mode: 'none' }))
  await page.goto(`${site.url}/contribute`)
  await page.getByRole('radio', { name: 'CPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expectAgent(page, 'Contributing')
  const agent = panel(page, 'This tab’s agent')
  await expect.poll(() => count(reading(agent, 'Shards accepted'))).toBeGreaterThan(0)
  await agent.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByRole('button', { name: 'Start contributing' })).toBeVisible()
  await mary.api.cancel(job)

  const grace = await site.signUp('Grace')
  await grace.enter(context)
  await page.goto(`${site.url}/devices`)
  await page.getByRole('button', { name: 'Claim this browser’s work' }).click()
  const device = page.getByRole('list', { name: 'Devices' }).getByRole('listitem').first()
  await expect(device).toContainText('This browser')
  await expect.poll(() => count(reading(device, 'Accepted shards'))).toBeGreaterThan(0)
  await expect(page.getByRole('button', { name: 'Claim this browser’s work' })).toBeHidden()

  // Whoever comes after finds it taken.
  const eve = await site.signUp('Eve')
  await context.clearCookies()
  await eve.enter(context)
  await page.goto(`${site.url}/devices`)
  await page.getByRole('button', { name: 'Claim this browser’s work' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'It was not claimed' })).toContainText('NOT_FOUND')
})
