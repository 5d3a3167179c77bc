import { expect, test } from '@playwright/test'
import { piContract } from './support/contracts.ts'
import {
  digestsShown,
  expectNeverReloaded,
  markAsOpen,
  openContributor,
  panel,
  reading,
} from './support/pages.ts'
import { proofDigest } from './support/proof.ts'
import { type Site, startSite } from './support/site.ts'

let site: Site
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
})
test.afterAll(() => site?.stop())

test('the network’s numbers move without a reload', async ({ page, browser }) => {
  await page.goto(site.url)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  const network = panel(page, 'The network now')
  await expect(network.getByText('Live', { exact: true })).toBeVisible()
  await expect(reading(network, 'Agents connected')).toHaveText('0')
  await expect(panel(page, 'Recent public jobs')).toContainText('No job is public yet.')
  await markAsOpen(page)

  const ada = await site.signUp('Ada')
  const id = await ada.api.submit(piContract('home', 2, { mode: 'none' }))
  const unseen = await ada.api.submit(piContract('unseen', 2, { mode: 'none' }))
  await ada.api.publish(id)
  const row = panel(page, 'Recent public jobs')
    .getByRole('row')
    .filter({ hasText: id.slice(0, 8) })
  await expect(row).toContainText('Planned')
  await openContributor(browser, site.url, { executor: 'CPU' })
  await expect(reading(network, 'Agents connected')).toHaveText('1')
  await expect(row).toContainText('Settled')
  await expect(row).toContainText('3.14')
  await expect(reading(network, 'Jobs settled')).toHaveText('2')
  await expect(reading(network, 'Shards accepted')).toHaveText('4')
  await expect(panel(page, 'Recent public jobs')).not.toContainText(unseen.slice(0, 8))
  await expectNeverReloaded(page)
})

test('“Prove it here” gives one digest on WebGPU and CPU, and two in floating point', async ({ page }) => {
  await page.goto(site.url)
  const proof = panel(page, 'One shard, two processors')
  await proof.getByRole('button', { name: 'Prove it here' }).click()
  await expect(proof.getByRole('status')).toContainText('Two processors, one result', { timeout: 60_000 })
  await expect(proof.getByText('identical, all 32 bytes')).toHaveCount(1)
  await expect(proof.getByText('different', { exact: true })).toHaveCount(1)
  // In this order: exact on WebGPU and on CPU, then float on both.
  const digests = await digestsShown(proof)
  expect(digests).toHaveLength(4)
  const exact = await proofDigest()
  expect(digests.slice(0, 2)).toEqual([exact, exact])
  expect(new Set(digests.slice(2)).size).toBe(2)
})
