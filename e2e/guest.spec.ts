import { expect, test } from '@playwright/test'
import { panel, stateShown } from './support/pages.ts'
import { newEmail, PASSWORD } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** A newcomer without an account, from the home page to a verified result that stays his. */

let site: Site
test.beforeAll(async () => {
  site = await startSite({ houseAgent: true })
})
test.afterAll(() => site?.stop())

test('a visitor runs an example, sees it verified, and it is his after signing up', async ({
  page,
  browser,
}) => {
  const began = performance.now()
  await page.goto(site.url)
  const example = panel(page, 'Run an example on the network')
  await example.getByRole('radio', { name: 'Price of a call option' }).click()
  await example.getByRole('button', { name: 'Run it' }).click()
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/)
  const job = page.url()
  await expect(page.getByText('This is your example, run as a guest')).toBeVisible()
  await expect(stateShown(page, 'Settled')).toBeVisible({ timeout: 90_000 })
  await expect(panel(page, 'Result')).toContainText('±')
  const proof = panel(page, 'Check this result yourself')
  await proof.getByRole('button', { name: /^Execute \d+ shards here$/ }).click()
  await expect(proof.getByText('The whole result is confirmed')).toBeVisible({ timeout: 60_000 })

  // It is nobody else's.
  const stranger = await (await browser.newContext()).newPage()
  await stranger.goto(job)
  await expect(stranger.getByRole('heading', { name: 'There is no job with this id' })).toBeVisible()

  await page.getByRole('link', { name: 'Keep it: create an account' }).click()
  await expect(page.getByText('Your example comes with you')).toBeVisible()
  await page.getByRole('textbox', { name: 'Name' }).fill('Newcomer')
  await page.getByRole('textbox', { name: 'E-mail address' }).fill(newEmail())
  await page.getByRole('textbox', { name: 'Password', exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page).toHaveURL(job)
  await expect(page.getByRole('button', { name: 'Account of Newcomer' })).toBeVisible()
  await expect(panel(page, 'Sharing')).toContainText('Only you can see this job.')
  expect(performance.now() - began).toBeLessThan(180_000)
  await page.goto(`${site.url}/jobs`)
  await expect(page.getByRole('row').filter({ hasText: job.slice(-36, -28) })).toContainText('Settled')
})

test('a guest has one example, and is led back to it', async ({ page }) => {
  await page.goto(site.url)
  const example = panel(page, 'Run an example on the network')
  await example.getByRole('button', { name: 'Run it' }).click()
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/)
  const job = page.url()
  await page.goto(site.url)
  await expect(example).toContainText('You have run your example.')
  await expect(example.getByRole('button', { name: 'Run it' })).toHaveCount(0)
  await example.getByRole('link', { name: 'See it' }).click()
  await expect(page).toHaveURL(job)
  // What belongs to accounts asks for one.
  await page.goto(`${site.url}/account`)
  await expect(page).toHaveURL(`${site.url}/sign-up`)
})
