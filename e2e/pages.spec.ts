import AxeBuilder from '@axe-core/playwright'
import { expect, type Page, test } from '@playwright/test'
import { matmulContract, piContract } from './support/contracts.ts'
import { expectAgent, panel, stateShown } from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** What every page owes every reader: a narrow screen, a dark one, a keyboard, a screen reader. */

let site: Site
/** Who has signed in. */
let mary: Person
/** Ids of one job in each of the states that look different. */
const jobs = { running: '', estimate: '', product: '' }
/** Id of Mary's partner site. */
let partnerSite = ''
const PHONE_PX = 360

test.beforeAll(async () => {
  site = await startSite({ houseAgent: true })
  mary = await site.signUp('Mary')
  const { api } = mary
  const a = new Uint8Array(64).map((_, i) => i)
  jobs.estimate = await api.submit(piContract('pages', 8, { mode: 'none' }))
  jobs.product = await api.submit(matmulContract(await api.upload(a), 8, { mode: 'none' }))
  for (const id of [jobs.estimate, jobs.product])
    await expect.poll(async () => (await api.job(id)).state, { timeout: 60_000 }).toBe('settled')
  await api.publish(jobs.estimate)
  // No agent here has a GPU: this one stays as it is.
  jobs.running = await api.submit({ ...piContract('waiting', 4), policy: { target: 'gpu' } })
  partnerSite = await api.createSite('Tides', ['https://tides.example'])
})
test.afterAll(() => site?.stop())

interface Place {
  readonly name: string
  /** Nobody has signed in; else Mary has. */
  readonly visitor?: true
  readonly path: () => string
  /** Brings the page into the state to look at. */
  readonly prepare?: (page: Page) => Promise<void>
}

const PLACES: readonly Place[] = [
  {
    name: 'home',
    visitor: true,
    path: () => '/',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Prove it here' }).click()
      await expect(page.getByText('identical, all 32 bytes')).toBeVisible({ timeout: 60_000 })
    },
  },
  { name: 'home, of an account', path: () => '/' },
  {
    name: 'sign in, refused',
    visitor: true,
    path: () => '/sign-in?next=/submit',
    prepare: async (page) => {
      await page.getByRole('textbox', { name: 'E-mail address' }).fill(mary.email)
      await page.getByRole('textbox', { name: 'Password', exact: true }).fill('not the password')
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await expect(page.getByRole('alert').filter({ hasText: 'You are not signed in' })).toBeVisible()
    },
  },
  {
    name: 'sign up, incomplete',
    visitor: true,
    path: () => '/sign-up',
    prepare: (page) => page.getByRole('button', { name: 'Create account' }).click(),
  },
  { name: 'reset the password', visitor: true, path: () => '/reset-password' },
  { name: 'set a new password', visitor: true, path: () => '/reset-password?token=none' },
  {
    name: 'account, with its menu',
    path: () => '/account',
    prepare: async (page) => {
      await expect(panel(page, 'Statement').getByRole('row').first()).toBeVisible()
      await page.getByRole('button', { name: 'Account of Mary' }).click()
      await expect(page.getByRole('menu')).toContainText('credits available')
    },
  },
  {
    name: 'keys and tokens, with a new key',
    path: () => '/account/keys',
    prepare: async (page) => {
      const keys = panel(page, 'API keys')
      await keys.getByRole('textbox', { name: 'Name of a new API key' }).fill('for the look of it')
      await keys.getByRole('button', { name: 'Create API key' }).click()
      await expect(keys.getByText('Keep it now')).toBeVisible()
    },
  },
  {
    name: 'security',
    path: () => '/account/security',
    prepare: (page) => expect(panel(page, 'Sessions').getByRole('listitem').first()).toBeVisible(),
  },
  {
    name: 'devices, without any',
    path: () => '/devices',
    prepare: (page) => expect(page.getByText('No device computes for you yet')).toBeVisible(),
  },
  {
    name: 'sites',
    path: () => '/sites',
    prepare: (page) => expect(page.getByRole('link', { name: 'Tides' })).toBeVisible(),
  },
  { name: 'site', path: () => `/sites/${partnerSite}` },
  { name: 'unknown site', path: () => '/sites/nonsense' },
  { name: 'ops', visitor: true, path: () => '/docs/ops' },
  {
    name: 'op with Greeks',
    visitor: true,
    path: () => '/docs/ops/mc/gbm.v1',
    prepare: (page) => expect(panel(page, 'A result with its oracle').getByText('met').first()).toBeVisible(),
  },
  { name: 'op with operands', visitor: true, path: () => '/docs/ops/tensor/matmul.v1' },
  { name: 'contribute, as a visitor', visitor: true, path: () => '/contribute' },
  { name: 'contribute', path: () => '/contribute' },
  {
    name: 'contribute, contributing',
    path: () => '/contribute',
    prepare: async (page) => {
      await page.getByRole('radio', { name: 'CPU' }).click()
      await page.getByRole('button', { name: 'Start contributing' }).click()
      await expectAgent(page, 'Contributing')
    },
  },
  {
    name: 'submit, with an error',
    path: () => '/submit',
    prepare: async (page) => {
      await page.getByRole('radio', { name: 'Option price by Monte Carlo' }).click()
      await page.getByRole('textbox', { name: 'Volatility' }).fill('9')
      await page.getByRole('button', { name: 'Submit contract' }).click()
    },
  },
  {
    name: 'submit, operands',
    path: () => '/submit',
    prepare: (page) => page.getByRole('radio', { name: 'Matrix product' }).click(),
  },
  {
    name: 'submit, JSON',
    path: () => '/submit',
    prepare: (page) => page.getByRole('tab', { name: 'JSON' }).click(),
  },
  { name: 'jobs', path: () => '/jobs' },
  { name: 'public jobs', visitor: true, path: () => '/jobs' },
  { name: 'job, waiting', path: () => `/jobs/${jobs.running}` },
  {
    name: 'job, question before it is cancelled',
    path: () => `/jobs/${jobs.running}`,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Cancel job' }).click()
      await expect(page.getByRole('alertdialog')).toBeVisible()
    },
  },
  {
    name: 'job, estimate',
    path: () => `/jobs/${jobs.estimate}`,
    prepare: (page) => expect(page.getByRole('img', { name: /Convergence/ })).toBeVisible(),
  },
  { name: 'job, product', path: () => `/jobs/${jobs.product}` },
  {
    name: 'job, checked by a stranger',
    visitor: true,
    path: () => `/jobs/${jobs.estimate}`,
    prepare: async (page) => {
      const proof = panel(page, 'Check this result yourself')
      await proof.getByRole('button', { name: 'Execute 8 shards here' }).click()
      await expect(proof.getByText('The whole result is confirmed')).toBeVisible({ timeout: 90_000 })
    },
  },
  {
    name: 'job, question before it is public',
    path: () => `/jobs/${jobs.product}`,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Make it public' }).click()
      await expect(page.getByRole('alertdialog')).toBeVisible()
    },
  },
  { name: 'ledger', visitor: true, path: () => '/ledger' },
  { name: 'verify, without a file', visitor: true, path: () => '/verify' },
  {
    name: 'verify, with a verdict',
    visitor: true,
    path: () => `/verify?job=${jobs.estimate}`,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Fetch and verify this job’s evidence' }).click()
      await expect(panel(page, 'Checks').getByRole('status')).toContainText('Verified')
    },
  },
  { name: 'unknown job', path: () => '/jobs/nonsense' },
  { name: 'unknown page', path: () => '/nowhere' },
]

async function visit(page: Page, { visitor, path, prepare }: Place): Promise<void> {
  if (visitor !== true) await mary.enter(page.context())
  await page.goto(`${site.url}${path()}`)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await prepare?.(page)
}

for (const place of PLACES) {
  test(`${place.name}: fits every eye, in light, in dark and on a phone`, async ({ page }) => {
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.emulateMedia({ colorScheme: 'light' })
    await visit(page, place)
    await expect(page.getByRole('heading', { level: 1, includeHidden: true })).toHaveCount(1)
    await expect(page.locator('html')).toHaveAttribute('lang', 'en')
    await expect(page).toHaveTitle(/Forge Pool$/)
    await expect.poll(() => brightness(page)).toBeGreaterThan(200)
    expect(await seriousViolations(page)).toEqual([])

    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(() => brightness(page)).toBeLessThan(50)
    // Only colours change with the theme.
    expect(await seriousViolations(page, ['color-contrast'])).toEqual([])

    await page.setViewportSize({ width: PHONE_PX, height: 740 })
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE_PX)
    expect(complaints).toEqual([])
  })
}

/** Of the page's background, 0 to 255. */
async function brightness(page: Page): Promise<number> {
  const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const [red = 0, green = 0, blue = 0] = [...colour.matchAll(/[\d.]+/g)].map(Number)
  return (red + green + blue) / 3
}

/** What axe finds: labels, names, roles, contrast, headings and some eighty rules more, or by these rules alone. */
async function seriousViolations(page: Page, rules?: string[]): Promise<object[]> {
  const axe = new AxeBuilder({ page })
  const { violations, passes } = await (rules === undefined ? axe : axe.withRules(rules)).analyze()
  expect(passes.length).toBeGreaterThanOrEqual(rules?.length ?? 20)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ target, failureSummary }) => [target, failureSummary]),
    }))
}

test.describe('by keyboard alone', () => {
  test.beforeEach(({ context }) => mary.enter(context))

  /** More stops than any page has before its main action. */
  const MAX_TABS = 40

  async function tabTo(
    page: Page,
    role: 'button' | 'link' | 'textbox',
    name: string | RegExp,
  ): Promise<void> {
    const target = page.getByRole(role, { name }).first()
    await expect(target).toBeVisible()
    for (let tabs = 0; tabs < MAX_TABS; tabs++) {
      await page.keyboard.press('Tab')
      if (await target.evaluate((element) => element === document.activeElement)) return
    }
    throw new Error(`${MAX_TABS} tabs do not lead to ${role} ${String(name)}`)
  }

  test('the first stop skips to the content', async ({ page }) => {
    await page.goto(site.url)
    await page.keyboard.press('Tab')
    await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('main')).toBeFocused()
  })

  test('home proves', async ({ page }) => {
    await page.goto(site.url)
    await tabTo(page, 'button', 'Prove it here')
    await page.keyboard.press('Enter')
    await expect(page.getByText('identical, all 32 bytes')).toBeVisible({ timeout: 60_000 })
  })

  test('contribute starts, pauses and stops', async ({ page }) => {
    await page.goto(`${site.url}/contribute`)
    await tabTo(page, 'button', 'Start contributing')
    await page.keyboard.press('Enter')
    await expectAgent(page, 'Contributing')
    await tabTo(page, 'button', 'Pause')
    await page.keyboard.press('Enter')
    await expectAgent(page, 'You paused it.')
    await tabTo(page, 'button', 'Stop')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('button', { name: 'Start contributing' })).toBeVisible()
  })

  test('submit chooses an op, fills its form and sends it; its job is cancelled', async ({ page }) => {
    await page.goto(`${site.url}/submit`)
    await expect(page.getByRole('radio', { name: 'π by random points' })).toBeChecked()
    await tabTo(page, 'textbox', 'Points')
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('900000000000')
    await tabTo(page, 'button', 'Submit contract')
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/)
    await tabTo(page, 'button', 'Cancel job')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('alertdialog')).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(page.getByRole('alertdialog')).toBeHidden()
    await expect(page.getByRole('button', { name: 'Cancel job' })).toBeFocused()
    await page.keyboard.press('Enter')
    await tabTo(page, 'button', 'Cancel the job')
    await page.keyboard.press('Enter')
    await expect(stateShown(page, 'Cancelled')).toBeVisible()
  })

  test('the account menu opens, leads to devices, and signs out', async ({ page, context }) => {
    const ada = await site.signUp('Ada')
    await context.clearCookies()
    await ada.enter(context)
    await page.goto(`${site.url}/account`)
    await tabTo(page, 'button', 'Account of Ada')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('menuitem', { name: 'Account and credits' })).toBeFocused()
    await page.keyboard.press('Escape')
    await expect(page.getByRole('button', { name: 'Account of Ada' })).toBeFocused()
    await page.keyboard.press('Enter')
    await page.keyboard.type('dev')
    await expect(page.getByRole('menuitem', { name: 'Devices' })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: 'Devices' })).toBeVisible()
    await tabTo(page, 'button', 'Account of Ada')
    await page.keyboard.press('Enter')
    await page.keyboard.press('End')
    await expect(page.getByRole('menuitem', { name: 'Sign out' })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('link', { name: 'Sign in' })).toBeVisible()
  })

  test('the jobs page leads to a job and its result', async ({ page }) => {
    await page.goto(`${site.url}/jobs`)
    await tabTo(page, 'link', 'tensor@1/matmul.v1')
    await page.keyboard.press('Enter')
    await expect(panel(page, 'Artifacts')).toBeVisible()
    await tabTo(page, 'link', 'Download')
    const download = page.waitForEvent('download')
    await page.keyboard.press('Enter')
    expect((await download).suggestedFilename()).toBe('c.int32.bin')
  })
})
