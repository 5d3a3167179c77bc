import { expect, test } from '@playwright/test'
import { expectedDigest, optionContract } from './support/contracts.ts'
import {
  acceptedShown,
  digestsShown,
  expectAgent,
  expectNeverReloaded,
  markAsOpen,
  openContributor,
  panel,
  stateShown,
} from './support/pages.ts'
import { runServer, type Site, startSite } from './support/site.ts'

let site: Site
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
})
test.afterAll(() => site?.stop())

test('kill -9 in the middle of a job loses nothing: tabs come back, the open page goes on, the digest is right', async ({
  page,
  browser,
}) => {
  const mary = await site.signUp('Mary')
  await mary.enter(page.context())
  const { api } = mary
  const contract = optionContract('kill -9', 96)
  const id = await api.submit(contract)
  await page.goto(`${site.url}/jobs/${id}`)
  await markAsOpen(page)
  const tabs = [
    await openContributor(browser, site.url, { executor: 'CPU', person: await site.signUp('Ada') }),
    await openContributor(browser, site.url, { executor: 'CPU', person: await site.signUp('Grace') }),
  ]
  for (const tab of tabs) await markAsOpen(tab)
  await expect.poll(() => acceptedShown(page), { intervals: [50] }).toBeGreaterThan(7)
  await site.kill9()
  const shown = await acceptedShown(page)
  expect(shown).toBeLessThan(96)
  await expect(page.getByText('Not connected.')).toBeVisible()
  for (const tab of tabs) await expectAgent(tab, 'Connecting')

  await site.restart()
  // What the page showed was on the disk before it was shown.
  expect((await api.job(id)).progress.accepted).toBeGreaterThanOrEqual(shown)
  for (const tab of tabs) await expectAgent(tab, 'Contributing')
  await expect.poll(() => acceptedShown(page)).toBeGreaterThan(shown)
  await expect(page.getByText('Not connected.')).toBeHidden()
  await expect(stateShown(page, 'Settled')).toBeVisible({ timeout: 60_000 })
  await expect.poll(() => acceptedShown(page)).toBe(96)

  const expected = expectedDigest(contract)
  expect((await digestsShown(panel(page, 'Digests')))[0]).toBe(expected)
  expect(await api.job(id)).toMatchObject({ state: 'settled', result_digest: expected })
  for (const tab of [page, ...tabs]) await expectNeverReloaded(tab)
})

test('a second server on a port in use says one line and ends, and the first goes on', async () => {
  const mary = await site.signUp('Mary')
  const ended = await runServer({ PORT: String(site.port), FORGE_DATA_DIR: site.dataDir })
  expect(ended).toEqual({
    code: 1,
    stdout: '',
    stderr: `forge-pool: port ${site.port} is in use. Stop the program that uses it, or choose another: PORT=${site.port + 1} npm start\n`,
  })
  // Its session is known, so it answers from its database.
  expect(await mary.api.jobCount()).toBe(0)
})

test('a server whose database cannot be reached says one line and ends', async () => {
  const ended = await runServer({
    PORT: '0',
    FORGE_DATA_DIR: site.dataDir,
    DATABASE_URL: 'postgresql://me:s3cret@127.0.0.1:1/pool',
  })
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toMatch(/^forge-pool: .*127\.0\.0\.1:1 .*DATABASE_URL.*\n$/)
  expect(ended.stderr).not.toContain('s3cret')
})
