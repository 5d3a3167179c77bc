import { randomUUID } from 'node:crypto'
import { expect, type Page, test } from '@playwright/test'
import { piContract } from './support/contracts.ts'
import { panel, reading, stateShown } from './support/pages.ts'
import { newEmail, PASSWORD, type Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** Accounts as their owners use them. */

let site: Site
let mary: Person
test.beforeAll(async () => {
  site = await startSite({ houseAgent: true, testGrant: 1_000_000 })
  mary = await site.signUp('Mary')
})
test.afterAll(() => site?.stop())

async function fillSignIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByRole('textbox', { name: 'E-mail address' }).fill(email)
  await page.getByRole('textbox', { name: 'Password', exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

test('a newcomer signs up on the way to submitting, and has a verified result of his own', async ({
  page,
}) => {
  const began = performance.now()
  await page.goto(site.url)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Submit' }).click()
  await page.getByRole('textbox', { name: 'Points' }).fill('20000000')
  await page.getByRole('button', { name: 'Sign in and submit' }).click()
  await page.getByRole('link', { name: 'Create one' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Create an account' })).toBeVisible()

  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page.getByText('Type a name, your own or another.')).toBeVisible()
  await page.getByRole('textbox', { name: 'Name' }).fill('Newcomer')
  await page.getByRole('textbox', { name: 'E-mail address' }).fill(newEmail())
  const password = page.getByRole('textbox', { name: 'Password', exact: true })
  await password.fill('short')
  await expect(page.getByText('A password has at least 10 characters; this one has 5.')).toBeVisible()
  await password.fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()

  // Back where he wanted to go, with what he had written.
  await expect(page).toHaveURL(`${site.url}/submit`)
  await expect(page.getByRole('textbox', { name: 'Points' })).toHaveValue('20000000')
  await expect(panel(page, 'Before you submit')).toContainText('available')
  await page.getByRole('button', { name: 'Submit contract' }).click()
  await expect(stateShown(page, 'Settled')).toBeVisible({ timeout: 60_000 })
  await expect(panel(page, 'Sharing')).toContainText('Only you can see this job.')
  expect(performance.now() - began).toBeLessThan(180_000)
})

test('signing out and in again leads back to the page that was wanted', async ({ page, context }) => {
  await mary.enter(context)
  await page.goto(site.url)
  const menu = page.getByRole('button', { name: 'Account of Mary' })
  await menu.click()
  await expect(page.getByRole('menu')).toContainText(mary.email)
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('link', { name: 'Sign in' })).toBeVisible()

  await page.goto(`${site.url}/account/keys`)
  await expect(page).toHaveURL(/\/sign-in\?next=%2Faccount%2Fkeys$/)
  await fillSignIn(page, mary.email, PASSWORD)
  await expect(page).toHaveURL(`${site.url}/account/keys`)
  await expect(menu).toBeVisible()
  // Whoever has signed in has nothing to do on that page.
  await page.goto(`${site.url}/sign-in?next=https://evil.example/`)
  await expect(page).toHaveURL(`${site.url}/account`)
  mary = await site.signUp('Mary')
})

test('a wrong password and an address without an account get the same answer', async ({ page }) => {
  const answers: string[] = []
  for (const email of [mary.email, newEmail()]) {
    await page.goto(`${site.url}/sign-in`)
    await fillSignIn(page, email, 'not the password')
    const alert = page.getByRole('alert').filter({ hasText: 'You are not signed in' })
    await expect(alert).toBeVisible()
    answers.push((await alert.textContent()) ?? '')
    await expect(page.getByRole('link', { name: 'I have forgotten my password' })).toBeVisible()
  }
  expect(answers[0]).toContain('the e-mail address or the password is wrong')
  expect(answers[1]).toBe(answers[0])
  expect(await page.context().cookies()).toEqual([])
})

test('a session that has ended is said to have ended, and nothing is shown', async ({ page, context }) => {
  const eve = await site.signUp('Eve')
  await eve.enter(context)
  await page.goto(`${site.url}/account`)
  await expect(page.getByRole('heading', { level: 1, name: 'Account' })).toBeVisible()
  // As in another browser: this one still holds the cookie.
  await eve.signOut()
  await page.goto(`${site.url}/account`)
  await expect(page).toHaveURL(/\/sign-in\?*/)
  await expect(page.getByText('Your session has ended')).toBeVisible()
})

test('the account shows the grant, a hold while a job waits, the bill afterwards, and gives it as CSV', async ({
  page,
  context,
}) => {
  const ada = await site.signUp('Ada')
  await ada.enter(context)
  await page.goto(`${site.url}/account`)
  const credits = panel(page, 'Credits')
  await expect(reading(credits, 'Available')).toHaveText('1,000,000')
  await expect(panel(page, 'Statement')).toContainText('Test credits')

  // No agent here has a GPU: this one waits.
  const waiting = await ada.api.submit({ ...piContract('waits', 2), policy: { target: 'gpu' } })
  await page.reload()
  await expect(credits.getByRole('link', { name: `Job ${waiting.slice(0, 8)}` })).toBeVisible()
  const held = Number(((await reading(credits, 'Held').textContent()) ?? '').replaceAll(',', ''))
  expect(held).toBeGreaterThan(0)
  await ada.api.cancel(waiting)

  const id = await ada.api.submit(piContract('bill', 1, { mode: 'none' }))
  await expect.poll(async () => (await ada.api.job(id)).state, { timeout: 60_000 }).toBe('settled')
  await page.reload()
  const statement = panel(page, 'Statement')
  await expect(statement.getByRole('row').filter({ hasText: 'Job settled' })).toContainText(id.slice(0, 8))
  await expect(statement.getByRole('row').filter({ hasText: 'Hold released' })).toContainText(
    waiting.slice(0, 8),
  )
  await expect(reading(credits, 'Held')).toHaveText('0')
  const download = page.waitForEvent('download')
  await statement.getByRole('link', { name: 'CSV' }).click()
  expect((await download).suggestedFilename()).toMatch(/\.csv$/)

  await page.goto(`${site.url}/jobs/${id}`)
  const cost = panel(page, 'Cost')
  const charged = await reading(cost, 'Charged').textContent()
  expect(Number(charged?.replaceAll(',', ''))).toBeGreaterThan(0)
  await expect(cost.getByText('What was charged')).toBeVisible()
})

test('an API key is shown once, opens the API, and opens nothing once revoked', async ({ page, context }) => {
  await mary.enter(context)
  await page.goto(`${site.url}/account/keys`)
  const keys = panel(page, 'API keys')
  await keys.getByRole('textbox', { name: 'Name of a new API key' }).fill('nightly run')
  await keys.getByRole('button', { name: 'Create API key' }).click()
  const once = keys.getByRole('status').filter({ hasText: 'Keep it now' })
  const key = (await once.locator('code').first().textContent()) ?? ''
  expect(key).toMatch(/^fpak_[A-Za-z0-9_-]{43}$/)
  await expect(once).toContainText(`authorization: Bearer ${key}`)

  const execute = () =>
    fetch(`${site.url}/api/v0/ops/execute`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(piContract('by key', 1, { mode: 'none' })),
    })
  expect((await execute()).status).toBe(202)
  await once.getByRole('button', { name: 'I have kept it' }).click()
  await expect(keys).not.toContainText(key)
  await page.reload()
  const row = keys.getByRole('listitem').filter({ hasText: 'nightly run' })
  await expect(row).toContainText(key.slice(0, 9))
  await expect(row).toContainText('last used')

  await keys.getByRole('button', { name: 'Revoke nightly run' }).click()
  const question = page.getByRole('alertdialog', { name: 'Revoke “nightly run”?' })
  await question.getByRole('button', { name: 'Keep it' }).click()
  await expect(question).toBeHidden()
  await keys.getByRole('button', { name: 'Revoke nightly run' }).click()
  await question.getByRole('button', { name: 'Revoke the API key' }).click()
  await expect(keys.getByText('No API key is in use.')).toBeVisible()
  expect((await execute()).status).toBe(401)
})

test('a passkey is added, signs in without a password, and is removed', async ({ page, context }) => {
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const grace = await site.signUp('Grace')
  await grace.enter(context)
  await page.goto(`${site.url}/account/security`)
  const passkeys = panel(page, 'Passkeys')
  await expect(passkeys.getByText('This account has no passkey.')).toBeVisible()
  await passkeys.getByRole('textbox', { name: 'Name of a new passkey' }).fill('test device')
  await passkeys.getByRole('button', { name: 'Add a passkey' }).click()
  await expect(passkeys.getByRole('listitem').filter({ hasText: 'test device' })).toBeVisible()

  await context.clearCookies()
  await page.goto(`${site.url}/sign-in`)
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await expect(page).toHaveURL(`${site.url}/account`)
  await expect(page.getByRole('button', { name: 'Account of Grace' })).toBeVisible()

  await page.goto(`${site.url}/account/security`)
  await passkeys.getByRole('button', { name: 'Remove test device' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove the passkey' }).click()
  await expect(passkeys.getByText('This account has no passkey.')).toBeVisible()
})

test('a name is changed everywhere, and the password ends the other sessions', async ({ page, context }) => {
  const rosa = await site.signUp('Rosa')
  await rosa.enter(context)
  await page.goto(`${site.url}/account`)
  const profile = panel(page, 'Profile')
  await profile.getByRole('textbox', { name: 'Name' }).fill('Rosalind')
  await profile.getByRole('button', { name: 'Change name' }).click()
  await expect(page.getByRole('button', { name: 'Account of Rosalind' })).toBeVisible()

  await page.goto(`${site.url}/account/security`)
  const form = panel(page, 'Password')
  await form.getByRole('textbox', { name: 'Present password', exact: true }).fill('not the password')
  await form.getByRole('textbox', { name: 'New password', exact: true }).fill('another long password')
  await form.getByRole('button', { name: 'Change password' }).click()
  await expect(form.getByRole('alert')).toContainText('the password is wrong')
  await form.getByRole('textbox', { name: 'Present password', exact: true }).fill(PASSWORD)
  await form.getByRole('button', { name: 'Change password' }).click()
  await expect(form.getByRole('status')).toContainText('The password is changed')
})

test('a job is private until its owner publishes it, and then a stranger finds it', async ({
  page,
  context,
  browser,
}) => {
  await mary.enter(context)
  const id = await mary.api.submit(piContract('shared', 1, { mode: 'none' }))
  await expect.poll(async () => (await mary.api.job(id)).state, { timeout: 60_000 }).toBe('settled')
  const stranger = await (await browser.newContext()).newPage()
  await stranger.goto(`${site.url}/jobs/${id}`)
  await expect(stranger.getByRole('heading', { name: 'There is no job with this id' })).toBeVisible()

  await page.goto(`${site.url}/jobs`)
  await expect(page.getByRole('heading', { level: 1, name: 'Your jobs' })).toBeVisible()
  await expect(page.getByRole('row').filter({ hasText: id.slice(0, 8) })).toContainText('private')
  await page.goto(`${site.url}/jobs/${id}`)
  await panel(page, 'Sharing').getByRole('button', { name: 'Make it public' }).click()
  const question = page.getByRole('alertdialog', { name: 'Make this job public?' })
  await question.getByRole('button', { name: 'Make it public' }).click()
  await expect(panel(page, 'Sharing')).toContainText('Anybody can see this job')
  await expect(panel(page, 'Sharing').getByRole('button', { name: 'Copy the link' })).toBeVisible()

  await stranger.goto(`${site.url}/jobs`)
  await stranger
    .getByRole('row')
    .filter({ hasText: id.slice(0, 8) })
    .getByRole('link')
    .click()
  const proof = panel(stranger, 'Check this result yourself')
  await proof.getByRole('button', { name: 'Execute 1 shard here' }).click()
  await expect(proof.getByText('The whole result is confirmed')).toBeVisible({ timeout: 60_000 })
  await expect(panel(stranger, 'Sharing')).toHaveCount(0)
  await expect(stranger.getByRole('button', { name: 'Cancel job' })).toHaveCount(0)

  await panel(page, 'Sharing').getByRole('button', { name: 'Make it private' }).click()
  await expect(panel(page, 'Sharing')).toContainText('Only you can see this job.')
  await stranger.reload()
  await expect(stranger.getByRole('heading', { name: 'There is no job with this id' })).toBeVisible()
})

test('another session is ended from here, and all of them at once', async ({ page, context, browser }) => {
  const ida = await site.signUp('Ida')
  await ida.enter(context)
  const elsewhere = await (await browser.newContext()).newPage()
  await elsewhere.goto(`${site.url}/sign-in`)
  await fillSignIn(elsewhere, ida.email, PASSWORD)
  await expect(elsewhere).toHaveURL(`${site.url}/account`)

  await page.goto(`${site.url}/account/security`)
  const sessions = panel(page, 'Sessions')
  await expect(sessions.getByRole('listitem')).toHaveCount(2)
  await expect(sessions.getByRole('listitem').filter({ hasText: 'This one' })).toHaveCount(1)
  await sessions.getByRole('button', { name: /^End the session of Chrome/ }).click()
  await expect(sessions.getByRole('listitem')).toHaveCount(1)
  await elsewhere.goto(`${site.url}/account`)
  await expect(elsewhere).toHaveURL(/\/sign-in/)

  await sessions.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out everywhere' }).click()
  await expect(page).toHaveURL(`${site.url}/sign-in`)
  await expect(ida.api.job(randomUUID())).rejects.toThrow('HTTP 404')
  await expect(ida.api.jobCount()).rejects.toThrow('HTTP 401')
})

test('an account is erased after its password and a question, and is gone', async ({ page, context }) => {
  const olga = await site.signUp('Olga')
  await olga.enter(context)
  await page.goto(`${site.url}/account/security`)
  const form = panel(page, 'Erase this account')
  const password = form.getByRole('textbox', { name: 'Password of this account', exact: true })
  const question = page.getByRole('alertdialog', { name: 'Erase this account for good?' })
  await password.fill('not the password')
  await form.getByRole('button', { name: 'Erase account' }).click()
  await question.getByRole('button', { name: 'Erase the account' }).click()
  await expect(form.getByRole('alert')).toContainText('the password is wrong')
  await password.fill(PASSWORD)
  await form.getByRole('button', { name: 'Erase account' }).click()
  await question.getByRole('button', { name: 'Erase the account' }).click()
  await expect(page).toHaveURL(`${site.url}/`)
  await expect(page.getByRole('link', { name: 'Sign in' })).toBeVisible()
  await page.goto(`${site.url}/sign-in`)
  await fillSignIn(page, olga.email, PASSWORD)
  await expect(page.getByRole('alert').filter({ hasText: 'You are not signed in' })).toBeVisible()
})
