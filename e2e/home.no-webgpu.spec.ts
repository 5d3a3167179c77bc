import { expect, test } from '@playwright/test'
import { digestsShown, panel } from './support/pages.ts'
import { proofDigest } from './support/proof.ts'
import { type Site, startSite } from './support/site.ts'

let site: Site
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
})
test.afterAll(() => site?.stop())

test('without WebGPU the proof says so and gives the same digest on the CPU', async ({ page }) => {
  await page.goto(site.url)
  const proof = panel(page, 'One shard, two processors')
  await proof.getByRole('button', { name: 'Prove it here' }).click()
  await expect(proof.getByRole('status')).toContainText('Only the CPU ran here', { timeout: 60_000 })
  await expect(proof.getByText('WebGPU did not run')).toHaveCount(1)
  await expect(proof.getByText('no second result to compare')).toBeVisible()
  const [exact] = await digestsShown(proof)
  expect(exact).toBe(await proofDigest())
})

test('without WebGPU a contributor is told, and contributes on the CPU', async ({ page }) => {
  await page.goto(`${site.url}/contribute`)
  await page.getByRole('radio', { name: 'WebGPU' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'Contributing ended' })).toContainText('WebGPU')

  await page.getByRole('radio', { name: 'auto' }).click()
  await page.getByRole('button', { name: 'Start contributing' }).click()
  const agent = panel(page, 'This tab’s agent')
  await expect(agent.getByRole('status')).toContainText('Contributing')
  await expect(agent).toContainText('WASM')
  await expect(
    panel(page, 'Probe report')
      .getByRole('listitem')
      .filter({ hasText: /^WebGPU/ }),
  ).toContainText('not used')
})
