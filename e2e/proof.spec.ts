import { expect, type Page, test } from '@playwright/test'
import type { ContractInput } from '../kernel/contract.ts'
import { matmulContract, optionContract, piContract } from './support/contracts.ts'
import { digestsShown, expectNoWorkers, panel } from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

/** A stranger executes shards of somebody's settled job in his own tab. */

const EXECUTED_MS = 90_000

let site: Site
let ada: Person
test.beforeAll(async () => {
  site = await startSite({ houseAgent: true })
  ada = await site.signUp('Ada')
})
test.afterAll(() => site?.stop())

async function settledJob(contract: ContractInput): Promise<string> {
  const id = await ada.api.submit(contract)
  await ada.api.publish(id)
  await expect.poll(async () => (await site.api.job(id)).state, { timeout: EXECUTED_MS }).toBe('settled')
  return id
}

async function check(page: Page, id: string, shards: number) {
  await page.goto(`${site.url}/jobs/${id}`)
  const proof = panel(page, 'Check this result yourself')
  await proof.getByRole('button', { name: /^Execute \d+ shards? here$/ }).click()
  await expect(proof.getByRole('status')).toContainText(`of ${shards} identical`, { timeout: EXECUTED_MS })
  return proof
}

test('ten shards that the tab draws give the stored digests, on this device’s WebGPU', async ({ page }) => {
  const id = await settledJob(optionContract('stranger', 24))
  const proof = await check(page, id, 10)
  await expect(proof.getByRole('status')).toContainText('10 of 10 identical')
  await expect(proof.getByText(/^Executed by WebGPU/)).toBeVisible()
  const rows = proof.getByRole('listitem')
  await expect(rows).toHaveCount(10)
  await expect(rows.filter({ hasText: 'identical' })).toHaveCount(10)
  const digests = await digestsShown(proof)
  expect(digests).toHaveLength(20)
  for (let row = 0; row < 10; row++) expect(digests[2 * row + 1]).toBe(digests[2 * row])
  await expect(proof.getByText('All 10 are identical')).toBeVisible()
})

test('a job of few shards is confirmed as a whole, operands and fold included', async ({ page }) => {
  const digest = await ada.api.upload(new Uint8Array(64).map((_, i) => i))
  const id = await settledJob(matmulContract(digest, 8, { mode: 'none' }))
  const proof = await check(page, id, 1)
  await expect(proof.getByText('The whole result is confirmed')).toBeVisible()
})

test('a stored digest that the shard does not have is shown as different', async ({ page }) => {
  const id = await settledJob(piContract('forged', 3, { mode: 'none' }))
  await page.route('**/api/trpc/jobs.proof**', async (route) => {
    const response = await route.fetch()
    const forged = (await response.text()).replace(
      /("shard":1,"digest":")[0-9a-f]{64}/,
      `$1${'0'.repeat(64)}`,
    )
    await route.fulfill({ response, body: forged })
  })
  const proof = await check(page, id, 3)
  await expect(proof.getByRole('status')).toContainText('2 of 3 identical')
  await expect(proof.getByRole('listitem').filter({ hasText: 'different' })).toContainText('Shard 1')
  await expect(proof.getByText('Not the same')).toBeVisible()
})

test('another contract than the page shows is refused before anything runs', async ({ page }) => {
  const id = await settledJob(piContract('swapped', 2, { mode: 'none' }))
  await page.route('**/api/trpc/jobs.proof**', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, body: (await response.text()).replace('swapped', 'another') })
  })
  await page.goto(`${site.url}/jobs/${id}`)
  const proof = panel(page, 'Check this result yourself')
  await proof.getByRole('button', { name: 'Execute 2 shards here' }).click()
  await expect(proof.getByRole('alert')).toContainText('DIGEST_MISMATCH')
})

test('the check stops at once, and can be begun again', async ({ page }) => {
  const id = await settledJob(optionContract('stopped', 24))
  await page.goto(`${site.url}/jobs/${id}`)
  const proof = panel(page, 'Check this result yourself')
  await proof.getByRole('button', { name: 'Execute 10 shards here' }).click()
  await proof.getByRole('button', { name: 'Stop' }).click()
  await expect(proof.getByRole('status')).toContainText('Stopped after')
  await expectNoWorkers(page)
  await proof.getByRole('button', { name: 'Draw again' }).click()
  await expect(proof.getByRole('status')).toContainText('10 of 10 identical', { timeout: EXECUTED_MS })
})
