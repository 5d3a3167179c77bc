import { readFile } from 'node:fs/promises'
import { expect, type Page, test } from '@playwright/test'
import { z } from 'zod'
import { schoolbookProduct } from '../demo/checks/product.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { digestsShown, panel, reading, stateShown } from './support/pages.ts'
import type { Person } from './support/people.ts'
import { type Site, startSite } from './support/site.ts'

// Nobody contributes but the house agent: what a first visitor submits must end all the same.
let site: Site
let mary: Person
test.beforeAll(async () => {
  site = await startSite({ houseAgent: true })
  mary = await site.signUp('Mary')
})
test.afterAll(() => site?.stop())

test.beforeEach(async ({ page, context }) => {
  await mary.enter(context)
  await page.goto(`${site.url}/submit`)
})

function chooseOp(page: Page, id: string): Promise<void> {
  return page.getByRole('radio', { name: OPS.get(id).title }).click()
}

async function submitAndSettle(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Submit contract' }).click()
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/)
  await expect(stateShown(page, 'Settled')).toBeVisible({ timeout: 60_000 })
}

const schema = z.object({
  properties: z.record(
    z.string(),
    z.object({
      title: z.string(),
      description: z.string(),
      unit: z.string().optional(),
      only_with: z.record(z.string(), z.string()).default({}),
    }),
  ),
})

for (const op of OPS.list()) {
  test(`the form of ${op.id} asks for every argument and operand that its schema has`, async ({ page }) => {
    await chooseOp(page, op.id)
    const { properties } = schema.parse(z.toJSONSchema(op.args, { io: 'input' }))
    const form = panel(page, 'Arguments')
    // Arguments of another style than the example's have no place in its form.
    const asked = Object.entries(properties).filter(([, { only_with }]) =>
      Object.entries(only_with).every(([other, value]) => op.example[other] === value),
    )
    for (const [name, { title, description, unit }] of asked) {
      const field = form.getByLabel(title)
      await expect(field, name).toBeVisible()
      const help = await field.getAttribute('aria-describedby')
      await expect(page.locator(`[id="${help}"]`), name).toContainText(description)
      if (unit !== undefined) await expect(form.getByText(unit, { exact: true }).first()).toBeVisible()
    }
    const inputs = form.getByRole('textbox').or(form.getByRole('combobox')).or(form.getByRole('checkbox'))
    expect(await inputs.count()).toBe(asked.length)
    for (const { title } of Object.values(op.inputs))
      await expect(page.getByRole('group', { name: `Operand ${title}` })).toBeVisible()
  })
}

test('what a style needs is asked for once the style is chosen, and its Greeks are computed', async ({
  page,
}) => {
  await chooseOp(page, 'mc@1/gbm.v1')
  const form = panel(page, 'Arguments')
  await expect(form.getByLabel('Payout')).toBeHidden()
  await form.getByLabel('Style').selectOption('digital')
  await form.getByRole('textbox', { name: 'Payout' }).fill('10')
  await form.getByRole('textbox', { name: 'Paths' }).fill('2000')
  await form.getByRole('checkbox', { name: 'Greeks' }).check()
  await submitAndSettle(page)
  const result = panel(page, 'Result')
  await expect(result.getByText('Digital call, price today')).toBeVisible()
  await expect(result.getByRole('row', { name: /^Delta/ })).toBeVisible()
})

test('the example of an op’s documentation is a contract away', async ({ page }) => {
  await page.getByRole('link', { name: 'Docs' }).click()
  await page.getByRole('link', { name: OPS.get('mc@1/pi.v1').title }).click()
  await expect(panel(page, 'A result with its oracle').getByRole('row', { name: /^π/ })).toContainText('met')
  await page.getByRole('link', { name: 'Submit this' }).click()
  await expect(panel(page, 'Arguments').getByRole('textbox')).toHaveValue(String(2 ** 25))
  await submitAndSettle(page)
})

test('an argument out of its range is explained at its field and not submitted', async ({ page }) => {
  await chooseOp(page, 'mc@1/gbm.v1')
  const jobs = await mary.api.jobCount()
  const volatility = panel(page, 'Arguments').getByLabel('Volatility')
  await volatility.fill('9')
  await expect(volatility).toHaveAttribute('aria-invalid', 'true')
  await expect(volatility).toHaveAccessibleDescription(/5/)
  await page.getByRole('button', { name: 'Submit contract' }).click()
  await expect(volatility).toBeFocused()
  await expect(panel(page, 'Before you submit').getByRole('alert')).toContainText('args.volatility')
  await expect(page).toHaveURL(`${site.url}/submit`)
  expect(await mary.api.jobCount()).toBe(jobs)

  await volatility.fill('0.25')
  await expect(volatility).not.toHaveAttribute('aria-invalid')
  await expect(reading(panel(page, 'Before you submit'), 'Shards')).toHaveText(/^\d/)
})

test('the JSON tab names the path of a duplicate key, and shares its draft with the form', async ({
  page,
}) => {
  await page.getByRole('tab', { name: 'JSON' }).click()
  const editor = page.getByRole('textbox', { name: 'Contract' })
  const text = await editor.inputValue()
  await editor.fill(text.replace('"points": 100000000', '"points": 100000000, "points": 5'))
  await expect(editor).toHaveAttribute('aria-invalid', 'true')
  await expect(page.getByRole('tabpanel', { name: 'JSON' }).getByRole('alert')).toContainText('args.points')
  await expect(page.getByRole('button', { name: 'Submit contract' })).toBeDisabled()

  await editor.fill(text.replace('"points": 100000000', '"points": 4321'))
  await expect(page.getByRole('button', { name: 'Submit contract' })).toBeEnabled()
  await page.getByRole('tab', { name: 'Form' }).click()
  await expect(page.getByRole('textbox', { name: 'Points' })).toHaveValue('4321')
})

test('π is submitted, settles and is close to π', async ({ page }) => {
  await chooseOp(page, 'mc@1/pi.v1')
  await page.getByRole('textbox', { name: 'Points' }).fill('30000000')
  const [replayKey = ''] = await digestsShown(panel(page, 'Before you submit'))
  await submitAndSettle(page)
  expect(await digestsShown(panel(page, 'Digests'))).toContain(replayKey)
  const result = (await panel(page, 'Result').textContent()) ?? ''
  const [, value = '', halfWidth = ''] = /(3\.1\d+)\s*± (0\.\d+)/.exec(result) ?? []
  // The half-width is 1.96 standard errors. The seed is derived, so this is the same number in every run.
  expect(Math.abs(Number(value) - Math.PI)).toBeLessThan((4 / 1.96) * Number(halfWidth))
  await expect(panel(page, 'Verification')).toContainText('with the referee’s copy')
})

test('a contract with a target is quoted at most, stops at a look, and is checked to the last shard', async ({
  page,
}) => {
  await chooseOp(page, 'mc@1/gbm.v1')
  const form = panel(page, 'Arguments')
  await form.getByLabel('Stop early').check()
  await expect(form.getByLabel('Stop early')).toHaveAttribute('aria-invalid', 'true')
  await form.getByLabel('Relative error').fill('0.007')
  await expect(form.getByLabel('Stop early')).not.toHaveAttribute('aria-invalid')
  const quote = panel(page, 'Before you submit')
  await expect(quote).toContainText('At most')
  await expect(reading(quote, 'Shards')).toContainText('62')
  await submitAndSettle(page)
  await expect(panel(page, 'Result')).toContainText('95 % sequential interval')
  await expect(panel(page, 'Stopping point')).toContainText(
    'The target was met after 8 shards of at most 62.',
  )
  await expect(panel(page, 'Stopping point').getByRole('row')).toHaveCount(3)
  await expect(panel(page, 'Progress')).toContainText('8 of 8 shards accepted')
  const check = panel(page, 'Check this result yourself')
  await check.getByRole('button', { name: 'Execute 8 shards here' }).click()
  await expect(check).toContainText('The whole result is confirmed', { timeout: 60_000 })
})

test('a matrix product of uploaded operands is downloaded byte for byte', async ({ page }) => {
  const [rows, depth, columns] = [5, 7, 3]
  const a = Int8Array.from({ length: rows * depth }, (_, i) => ((i * 37) % 256) - 128)
  const b = Int8Array.from({ length: depth * columns }, (_, i) => 127 - ((i * 91) % 256))
  await chooseOp(page, 'tensor@1/matmul.v1')
  const operands = [
    { title: 'A', values: a, shape: [rows, depth] },
    { title: 'B', values: b, shape: [depth, columns] },
  ] as const
  for (const { title, values, shape } of operands) {
    const operand = page.getByRole('group', { name: `Operand ${title}` })
    await operand.getByLabel('Rows').fill(String(shape[0]))
    await operand.getByLabel('Columns').fill(String(shape[1]))
    await operand.getByLabel(`File for ${title}`).setInputFiles({
      name: `${title}.bin`,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(values.buffer),
    })
    await expect(operand.getByRole('status')).toContainText(`Stored: ${title}.bin`)
  }
  await submitAndSettle(page)
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    panel(page, 'Artifacts').getByRole('link', { name: 'Download' }).click(),
  ])
  const expected = schoolbookProduct(a, b, rows, depth, columns)
  expect(new Int32Array(new Uint8Array(await readFile(await download.path())).buffer)).toEqual(expected)
})

test('a picture is drawn from its artifact and kept as a PNG file', async ({ page }) => {
  await chooseOp(page, 'media@1/mandelbrot.v1')
  const form = panel(page, 'Arguments')
  for (const [label, value] of [
    ['Span of the view', '3'],
    ['Centre, real part', '-0.5'],
    ['Centre, imaginary part', '0'],
    ['Width', '64'],
    ['Height', '48'],
    ['Most iterations', '200'],
  ] as const)
    await form.getByLabel(label).fill(value)
  await submitAndSettle(page)
  await expect(page.getByRole('img', { name: /^The Mandelbrot set around -0.5 \+ 0i/ })).toBeVisible()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'PNG' }).click(),
  ])
  const bytes = await readFile(await file.path())
  expect([...bytes.subarray(1, 4)].map((code) => String.fromCharCode(code)).join('')).toBe('PNG')
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([64, 48])
})
