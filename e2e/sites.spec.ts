import { expect, test } from '@playwright/test'
import { panel, reading } from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** A partner's sites; what his visitors see is tried in embed.spec.ts. */

let site: Site
let ada: Person
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
  ada = await site.signUp('Ada')
})
test.afterAll(() => site?.stop())

test('a site is made, gives its snippet, is changed and switched off', async ({ page, context }) => {
  await ada.enter(context)
  await page.goto(`${site.url}/sites`)
  await expect(page.getByText('You have no site yet')).toBeVisible()
  const form = panel(page, 'A new site')
  await form.getByRole('button', { name: 'Create site' }).click()
  await expect(form.getByText('Give the site a name.')).toBeVisible()
  await form.getByRole('textbox', { name: 'Name' }).fill('Tides')
  const origins = form.getByRole('textbox', { name: 'Allowed origins' })
  await origins.fill('https://*.example.org')
  await form.getByRole('button', { name: 'Create site' }).click()
  await expect(origins).toHaveAttribute('aria-invalid', 'true')
  await origins.fill('https://tides.example\nhttp://localhost:8080')
  await form.getByRole('button', { name: 'Create site' }).click()

  await expect(page.getByRole('heading', { level: 1, name: 'Tides' })).toBeVisible()
  // Also when the server renders it first, without knowing its own name.
  await page.reload()
  await expect(panel(page, 'Snippet')).toContainText(site.url)
  const snippet = await panel(page, 'Snippet').locator('pre').textContent()
  expect(snippet?.trim()).toMatch(
    new RegExp(
      `^<script async src="${site.url}/embed/v1\\.js" data-site-key="fpsk_[A-Za-z0-9_-]{22}"></script>$`,
    ),
  )
  await expect(reading(panel(page, 'Visitors and work'), 'Asked')).toHaveText('0')
  await expect(panel(page, 'By day')).toContainText('No visitor has been asked yet.')

  const settings = panel(page, 'Settings')
  await settings.getByRole('textbox', { name: 'Allowed origins' }).fill('https://tides.example')
  await settings.getByRole('checkbox', { name: 'Ask on phones and tablets, too' }).check()
  await settings.getByRole('button', { name: 'Save settings' }).click()
  await expect(settings.getByText('Saved')).toBeVisible()

  await page.getByRole('button', { name: 'Switch off' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Switch the site off' }).click()
  await expect(page.getByText('Switched off', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Switch on' }).click()
  await expect(page.getByRole('button', { name: 'Switch off' })).toBeVisible()

  const address = page.url()
  await page.getByRole('link', { name: 'All sites' }).click()
  await expect(page.getByRole('listitem').filter({ hasText: 'Tides' })).toContainText(
    '1 allowed origin, phones too',
  )

  const eve = await site.signUp('Eve')
  await context.clearCookies()
  await eve.enter(context)
  await page.goto(address)
  await expect(page.getByRole('heading', { name: 'You have no site with this id' })).toBeVisible()
})
