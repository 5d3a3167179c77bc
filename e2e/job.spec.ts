import { expect, test } from '@playwright/test'
import { expectedDigest, optionContract, piContract } from './support/contracts.ts'
import {
  acceptedShown,
  digestsShown,
  expectAgent,
  expectNeverReloaded,
  markAsOpen,
  openContributor,
  panel,
  reading,
  stateShown,
} from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

const SHARDS = 12

let site: Site
/** Who submits. */
let mary: Person
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
  mary = await site.signUp('Mary')
})
test.beforeEach(({ context }) => mary.enter(context))
test.afterAll(() => site?.stop())

test('two owners’ tabs settle a job before the eyes of whoever watches', async ({ page, browser }) => {
  const { api } = mary
  const ada = await openContributor(browser, site.url, {
    executor: 'WebGPU',
    person: await site.signUp('Ada'),
  })
  const grace = await openContributor(browser, site.url, {
    executor: 'CPU',
    person: await site.signUp('Grace'),
  })
  // Both begin together: who lets the other wait for long is helped by the referee.
  const tabs = [ada, grace]
  const agents = tabs.map((tab) => panel(tab, 'This tab’s agent'))
  for (const agent of agents) await agent.getByRole('button', { name: 'Pause' }).click()
  for (const tab of tabs) await expectAgent(tab, 'Paused')
  const contract = optionContract('job page', SHARDS)
  await page.goto(`${site.url}/jobs/${await api.submit(contract)}`)
  await expect(stateShown(page, 'Planned')).toBeVisible()
  await expect(panel(page, 'Progress').getByText('Live', { exact: true })).toBeVisible()
  await markAsOpen(page)

  for (const agent of agents) await agent.getByRole('button', { name: 'Resume' }).click()
  await expect.poll(() => acceptedShown(page)).toBeGreaterThan(0)
  await expect(page.getByRole('img', { name: /^Shard grid: .*accepted/ })).toBeVisible()
  await expect(stateShown(page, 'Settled')).toBeVisible({ timeout: 60_000 })
  expect(await acceptedShown(page)).toBe(SHARDS)
  await expect(panel(page, 'Result')).toContainText('±')
  const verification = panel(page, 'Verification')
  await expect(reading(verification, 'Distinct owners')).toHaveText('2')
  await expect(reading(verification, 'By quorum')).toHaveText(String(SHARDS))
  await expect(reading(verification, 'WebGPU')).toHaveText(String(SHARDS))
  await expect(reading(verification, 'WASM')).toHaveText(String(SHARDS))
  expect((await digestsShown(panel(page, 'Digests')))[0]).toBe(expectedDigest(contract))
  await expect(ada.getByText('contributing as Ada')).toBeVisible()
  await expectNeverReloaded(page)
})

test('a job that its owner pauses gets no new shards until he resumes it', async ({ page, browser }) => {
  const id = await mary.api.submit(piContract('pause', 100_000, { mode: 'none' }))
  const tab = await openContributor(browser, site.url, { executor: 'CPU' })
  const agent = panel(tab, 'This tab’s agent')
  await expect(agent.getByRole('progressbar')).toBeVisible()
  await page.goto(`${site.url}/jobs/${id}`)
  const progress = panel(page, 'Progress')
  await progress.getByRole('radio', { name: 'high' }).click()
  await expect(progress.getByRole('radio', { name: 'high' })).toBeChecked()
  await page.getByRole('button', { name: 'Pause job' }).click()
  await expect(progress.getByText('Paused', { exact: true })).toBeVisible()
  await expect.poll(async () => (await mary.api.job(id)).progress.in_flight).toBe(0)
  await expect(agent.getByRole('progressbar')).toBeHidden()
  await page.getByRole('button', { name: 'Resume job' }).click()
  await expect(progress.getByText('Paused', { exact: true })).toBeHidden()
  await expect(agent.getByRole('progressbar')).toBeVisible()
  await mary.api.cancel(id)
})

test('a job is cancelled after a question, and its agent stops', async ({ page, browser }) => {
  const id = await mary.api.submit(piContract('cancel', 100_000, { mode: 'none' }))
  const tab = await openContributor(browser, site.url, { executor: 'CPU' })
  const agent = panel(tab, 'This tab’s agent')
  await expect(agent.getByRole('progressbar')).toBeVisible()
  await page.goto(`${site.url}/jobs/${id}`)
  await page.getByRole('button', { name: 'Cancel job' }).click()
  const question = page.getByRole('alertdialog', { name: 'Cancel this job?' })
  await question.getByRole('button', { name: 'Keep it running' }).click()
  await expect(question).toBeHidden()
  expect((await mary.api.job(id)).state).toBe('running')

  await page.getByRole('button', { name: 'Cancel job' }).click()
  await question.getByRole('button', { name: 'Cancel the job' }).click()
  await expect(stateShown(page, 'Cancelled')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Cancel job' })).toBeHidden()
  expect((await mary.api.job(id)).state).toBe('cancelled')
  await expect(agent.getByText('Waiting for work: no lease at the moment.')).toBeVisible()
})

test('a job that nobody computes in its time ends as expired while its page is open', async ({ page }) => {
  const id = await mary.api.submit({
    ...piContract('expire', 4),
    policy: { target: 'gpu', timeout_ms: 2_000 },
  })
  await page.goto(`${site.url}/jobs/${id}`)
  await expect(stateShown(page, 'Expired')).toBeVisible()
  await expect(page.getByText('The time its contract allows ran out.')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Cancel job' })).toBeHidden()
})

test('a job can be taken as the template of the next', async ({ page }) => {
  const id = await mary.api.submit(piContract('template', 3))
  await page.goto(`${site.url}/jobs/${id}`)
  await page.getByRole('link', { name: 'Use as template' }).click()
  await expect(page.getByRole('textbox', { name: 'Seed text' })).toHaveValue('template')
  await expect(page.getByRole('textbox', { name: 'Points' })).toHaveValue('12582912')
  await mary.api.cancel(id)
})

for (const [what, path, heading] of [
  ['a job', '/jobs/00000000-0000-4000-8000-000000000000', 'There is no job with this id'],
  ['a job by what is no id', '/jobs/nonsense', 'There is no job with this id'],
  ['a page', '/nowhere', 'There is no page at this address'],
] as const) {
  test(`who asks for ${what} that does not exist is told so and shown a way on`, async ({ page }) => {
    await page.goto(`${site.url}${path}`)
    await expect(page.getByRole('heading', { level: 1, name: heading })).toBeVisible()
    await page.getByRole('main').getByRole('link').click()
    await expect(page.getByRole('heading', { level: 1, name: heading })).toBeHidden()
  })
}
