import { readFile } from 'node:fs/promises'
import { expect, type Page, test } from '@playwright/test'
import { piContract } from './support/contracts.ts'
import { panel } from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** Somebody takes a job's evidence and checks it in his own tab. */

const EXECUTED_MS = 90_000

let site: Site
let ada: Person
let job: string
test.beforeAll(async () => {
  site = await startSite({ houseAgent: true })
  ada = await site.signUp('Ada')
  job = await ada.api.submit(piContract('evidence', 12, { mode: 'none' }))
  await ada.api.publish(job)
  await expect.poll(async () => (await site.api.job(job)).state, { timeout: EXECUTED_MS }).toBe('settled')
})
test.afterAll(() => site?.stop())

const verdict = (page: Page) => panel(page, 'Checks')

async function downloaded(page: Page): Promise<string> {
  await page.goto(`${site.url}/jobs/${job}`)
  const evidence = panel(page, 'Evidence')
  await expect(evidence.getByRole('status')).toContainText('In the public ledger as entry')
  const download = page.waitForEvent('download')
  await evidence.getByRole('link', { name: 'Download .forge' }).click()
  expect((await download).suggestedFilename()).toBe(`${job}.forge`)
  return readFile(await (await download).path(), 'utf8')
}

async function choose(page: Page, text: string): Promise<void> {
  await page
    .getByLabel('Choose a .forge file, or drop it here')
    .setInputFiles({ name: 'job.forge', mimeType: 'application/json', buffer: Buffer.from(text) })
}

test('the job page leads to a verdict, the keys of this site, and shards executed here', async ({ page }) => {
  await page.goto(`${site.url}/jobs/${job}`)
  await panel(page, 'Evidence').getByRole('link', { name: 'Verify in this browser' }).click()
  await page.getByRole('button', { name: 'Fetch and verify this job’s evidence' }).click()
  await expect(verdict(page).getByRole('status')).toContainText('Verified')
  await expect(verdict(page).getByRole('status')).toContainText(
    "Not given by you: the hub's key, the log's key",
  )
  await expect(verdict(page).getByText(job, { exact: true })).toBeVisible()

  await page.getByRole('button', { name: 'Use the keys of this site' }).click()
  await expect(page.getByLabel('Key of the ledger')).toHaveValue(/^\S+\+[0-9a-f]{8}\+/)
  await page.getByRole('button', { name: 'Verify again' }).click()
  await expect(verdict(page).getByRole('status')).toContainText('Not given by you: witnesses')

  const replay = panel(page, 'Execute some shards here')
  await replay.getByRole('button', { name: 'Execute 10 shards' }).click()
  await expect(replay.getByText('All 10 are identical')).toBeVisible({ timeout: EXECUTED_MS })
})

test('a file is checked without being sent anywhere, and one changed digit is found', async ({ page }) => {
  const file = await downloaded(page)
  await page.goto(`${site.url}/verify`)
  await choose(page, file)
  await expect(verdict(page).getByRole('status')).toContainText('Verified')
  // From here on nothing but the worker's own script may be asked for.
  const requests: string[] = []
  page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`))
  const forged = JSON.parse(file) as { result: string }
  forged.result = forged.result.replace(/\d/, (digit) => String((Number(digit) + 1) % 10))
  await choose(page, JSON.stringify(forged))
  await expect(verdict(page).getByRole('alert')).toContainText('Rejected')
  await expect(verdict(page).getByRole('alert')).toContainText("The result's bytes have the record's digest")
  expect(requests.filter((request) => !request.startsWith('GET ') || request.includes('/api/'))).toEqual([])
})

test('a key that is none is shown at its field, and another one rejects the file', async ({ page }) => {
  const file = await downloaded(page)
  await page.goto(`${site.url}/verify`)
  await page.getByLabel('Key of the hub').fill('AAAA')
  await choose(page, file)
  await expect(panel(page, 'What you know already').getByRole('alert')).toContainText('32 bytes')
  await page.getByLabel('Key of the hub').fill(`${'A'.repeat(43)}=`)
  await page.getByRole('button', { name: 'Verify again' }).click()
  await expect(verdict(page).getByRole('alert')).toContainText('Rejected')
})

test('the ledger shows its checkpoint, and a kept one is a pin', async ({ page }) => {
  await page.goto(`${site.url}/ledger`)
  const checkpoint = await (await fetch(`${site.url}/log/checkpoint`)).text()
  await expect(panel(page, 'Newest checkpoint')).toContainText(checkpoint.split('\n')[2] ?? '')
  await expect(panel(page, 'Newest entries').getByRole('listitem').first()).toContainText(/[0-9a-f]{64}/)
  await page.goto(`${site.url}/verify?job=${job}`)
  await page.getByLabel('An earlier checkpoint of the ledger').fill(checkpoint)
  await page.getByRole('button', { name: 'Fetch and verify this job’s evidence' }).click()
  await expect(verdict(page).getByText(/^grown from \d+ to \d+ entries$/)).toBeVisible()
})
