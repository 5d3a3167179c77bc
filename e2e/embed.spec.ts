import { devices, expect, type Page, test } from '@playwright/test'
import pg from 'pg'
import { Account } from './support/account.ts'
import { piContract } from './support/contracts.ts'
import { expectClosed, expectNoWorkers } from './support/pages.ts'
import {
  consent,
  type Embedded,
  expectCard,
  expectConnected,
  expectPill,
  type Partner,
  press,
  startPartner,
  visit,
} from './support/partner.ts'
import { type Site, startSite } from './support/site.ts'

/** More than any machine computes within these tests, and what the grant of a new account pays for. */
const ENDLESS_SHARDS = 9_000

let site: Site
let partner: Partner
test.beforeAll(async () => {
  site = await startSite({ houseAgent: false })
  partner = await startPartner(site.url)
  const stranger = await Account.signUp(site.url, 'A stranger')
  await stranger.submit(piContract('embed', ENDLESS_SHARDS, { mode: 'none' }))
})
test.afterAll(async () => {
  await partner?.close()
  await site?.stop()
})

/** Nothing of an agent exists: no worker, no connection, and the pool was not told of any consent. */
async function expectNothingStarted(page: Page, { sockets }: Embedded, before: number): Promise<void> {
  expect(page.workers()).toEqual([])
  expect(sockets).toEqual([])
  expect((await partner.stats()).visitors.consented).toBe(before)
}

test('a visitor consents, computes shards of a stranger’s job, and he and the partner see it; Stop ends it', async ({
  page,
}) => {
  const before = await partner.stats()
  const embedded = await visit(page, partner)
  const { frame, stop, sockets, iframe } = embedded
  await expectCard(embedded)
  const card = frame.getByRole('main')
  await expect(card).toContainText('The Tide Table')
  await expect(card).toContainText(new URL(partner.site.origin).host)
  for (const part of [
    'Runs published integer arithmetic only',
    'Uses electricity',
    'Ends when you press Stop',
  ])
    await expect(card).toContainText(part)
  // The page's own style sheet frames every iframe in red at half strength; not this one.
  await expect(iframe).toHaveCSS('opacity', '1')
  await expect(iframe).toHaveCSS('border-top-width', '0px')
  await expect(iframe).toHaveCSS('position', 'fixed')
  await expect.poll(async () => (await partner.stats()).visitors.asked).toBe(before.visitors.asked + 1)
  await expectNothingStarted(page, embedded, before.visitors.consented)

  await consent(embedded)
  await expectPill(embedded, 'Computing for The Tide Table')
  await expectPill(embedded, /[1-9]\d* accepted/)
  await expect.poll(async () => (await partner.stats()).shards).toBeGreaterThan(before.shards)
  const during = await partner.stats()
  expect(during.visitors.consented).toBe(before.visitors.consented + 1)
  expect(during.agents_now).toBe(1)

  await press(stop, () => expectPill(embedded, 'Stopped', 1_000))
  await expectClosed(sockets)
  await expectNoWorkers(page)
  await expect.poll(async () => (await partner.stats()).agents_now).toBe(0)
  expect((await partner.stats()).visitors.stopped).toBe(before.visitors.stopped + 1)
  const close = frame.getByRole('button', { name: 'Close' })
  await press(close, () => expect(iframe).toHaveCount(0, { timeout: 1_000 }))
})

test('nothing is left on the page but the frame, and whoever says no is not asked again by it', async ({
  page,
}) => {
  const embedded = await visit(page, partner)
  await expectCard(embedded)
  const added = await page.evaluate(() => {
    const clean = document.createElement('iframe')
    document.body.append(clean)
    const names = new Set(Object.getOwnPropertyNames(clean.contentWindow ?? {}))
    clean.remove()
    return Object.getOwnPropertyNames(window).filter((name) => !names.has(name) && !/^\d+$/.test(name))
  })
  expect(added.filter((name) => /forge|embed/i.test(name))).toEqual([])
  const decline = embedded.frame.getByRole('button', { name: 'No, thanks' })
  await press(decline, () => expect(embedded.iframe).toHaveCount(0, { timeout: 1_000 }))
})

test('a page on an origin that is not allowed gets no frame', async ({ page }) => {
  const foreign = await startPartner(site.url, { allowed: ['https://somewhere-else.example'] })
  const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'))
  const { iframe, frame, sockets } = await visit(page, foreign)
  await refused
  await expect(frame.locator('#card')).toHaveCount(0)
  await expect(iframe).toHaveCSS('visibility', 'hidden')
  expect((await foreign.stats()).visitors).toEqual({ asked: 0, consented: 0, stopped: 0 })
  expect([page.workers(), sockets]).toEqual([[], []])
  await foreign.close()
})

test('a page that clicks for the visitor starts nothing', async ({ page }) => {
  const { consented } = (await partner.stats()).visitors
  const embedded = await visit(page, partner)
  await expectCard(embedded)
  await page.evaluate(() => {
    const iframe = document.querySelector('iframe')
    if (iframe === null) throw new Error('no frame')
    iframe.click()
    iframe.focus()
    for (const type of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'])
      iframe.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: 10, clientY: 10 }))
    for (const key of ['Enter', ' '])
      iframe.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
  })
  // Even a script inside the frame could not: events it makes are not trusted. It keeps trying until the card has been
  // seen for longer than a real press would need.
  await embedded.allow.evaluate(async (button: HTMLElement) => {
    const from_ms = performance.now()
    while (performance.now() - from_ms < 1_500) {
      await new Promise(requestAnimationFrame)
      button.click()
      button.dispatchEvent(new MouseEvent('click', { bubbles: true }))
    }
  })
  await expectCard(embedded)
  await expectNothingStarted(page, embedded, consented)
})

test('forged messages start nothing, and none from elsewhere moves the frame', async ({ page }) => {
  const { consented } = (await partner.stats()).visitors
  const embedded = await visit(page, partner)
  await expectCard(embedded)
  const height = await embedded.iframe.evaluate((iframe) => iframe.style.height)
  await page.evaluate(() => {
    const target = document.querySelector('iframe')?.contentWindow
    const words = ['start', 'consent', 'allow', 'resume', 'click', 'hello', 'layout']
    for (const t of words) {
      for (const forge of ['embed/1', 'embed/2', 'other'])
        target?.postMessage({ forge, t, consent: true, isTrusted: true, layout: 'pill' }, '*')
      target?.postMessage(JSON.stringify({ forge: 'embed/1', t }), '*')
    }
    // Of the page to itself, as another frame in it could: the loader hears its own frame alone.
    window.postMessage({ forge: 'embed/1', t: 'layout', layout: 'pill', width: 1, height: 1 }, '*')
    window.postMessage({ forge: 'embed/1', t: 'layout', layout: 'none', width: 0, height: 0 }, '*')
  })
  await expectCard(embedded)
  expect(await embedded.iframe.evaluate((iframe) => iframe.style.height)).toBe(height)
  await expectNothingStarted(page, embedded, consented)
})

for (const [how, hide] of [
  ['covered by something that lets clicks through', coverLettingClicksThrough],
  ['transparent', (page: Page) => styleFrame(page, { opacity: '0' })],
  ['nearly transparent', (page: Page) => styleFrame(page, { opacity: '0.05' })],
  ['scaled to a speck', (page: Page) => styleFrame(page, { transform: 'scale(0.1)' })],
] as const) {
  test(`the consent card cannot be pressed while it is ${how}`, async ({ page }) => {
    const embedded = await visit(page, partner)
    await expectCard(embedded)
    const before = (await partner.stats()).visitors.consented
    await hide(page)
    const seen = page.locator('iframe')
    for (let press = 0; press < 5; press++) {
      // Where the button is, by a real press of the mouse: the browser delivers it to the frame.
      const box = await embedded.allow.boundingBox()
      if (box !== null && (await seen.isVisible()))
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2, { delay: 60 })
    }
    await expect(embedded.frame.locator('#card')).not.toHaveAttribute('hidden')
    await expectNothingStarted(page, embedded, before)
  })
}

test('the kill switch ends the agents of a site at once', async ({ page, context }) => {
  const embedded = await visit(page, partner)
  await consent(embedded)
  await expectPill(embedded, 'Computing for')
  await expectConnected(embedded)
  await partner.update({ enabled: false })
  await expectPill(embedded, 'the owner of this site has switched it off')
  await expectClosed(embedded.sockets)
  const other = await context.newPage()
  const off = await visit(other, partner)
  await expect(off.frame.getByText('The owner of this site has switched this off.')).toHaveCount(1)
  await expect(off.allow).toHaveCount(0)
  await partner.update({ enabled: true })
})

test('consent ends after 24 hours, by the server’s clock', async ({ page }) => {
  const embedded = await visit(page, partner)
  await consent(embedded)
  await expectPill(embedded, 'Computing for')
  await expectConnected(embedded)
  const database = new pg.Client({ connectionString: site.databaseUrl() })
  await database.connect()
  await database.query(
    `UPDATE embed_consents SET created_at = created_at - interval '1 day', expires_at = expires_at - interval '1 day'`,
  )
  await database.end()
  await expectPill(embedded, 'this consent has expired')
  await expectClosed(embedded.sockets)
})

test.describe('on a phone', () => {
  const { defaultBrowserType: _, ...phone } = devices['Pixel 7']
  test.use(phone)

  test('a page asks nobody by default', async ({ page }) => {
    await page.goto(partner.site.origin)
    await page.waitForLoadState('networkidle')
    await expect(page.locator('iframe')).toHaveCount(0)
  })

  test('the snippet’s word is not enough without the setting of the site, and with both it asks', async ({
    page,
  }) => {
    const both = await startPartner(site.url, { attributes: 'data-phones="on"' })
    const off = await visit(page, both)
    await expect(off.frame.getByText('This site does not ask phones to compute.')).toHaveCount(1)
    await expect(off.iframe).toHaveCSS('visibility', 'hidden')
    await both.update({ phones: true })
    const on = await visit(page, both)
    await expectCard(on)
    await both.close()
  })
})

test('a page that isolates itself can hold the frame', async ({ page }) => {
  const isolated = await startPartner(site.url, { isolated: true })
  const embedded = await visit(page, isolated)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  await consent(embedded)
  await expectPill(embedded, 'Computing for')
  await expectConnected(embedded)
  await isolated.close()
})

function styleFrame(page: Page, styles: Readonly<Record<string, string>>): Promise<void> {
  return page.evaluate((given) => {
    const iframe = document.querySelector('iframe')
    for (const [name, value] of Object.entries(given)) iframe?.style.setProperty(name, value, 'important')
  }, styles)
}

function coverLettingClicksThrough(page: Page): Promise<void> {
  return page.evaluate(() => {
    const cover = document.createElement('div')
    const styles = {
      position: 'fixed',
      inset: '0',
      background: 'white',
      'z-index': '2147483647',
      'pointer-events': 'none',
    }
    for (const [name, value] of Object.entries(styles)) cover.style.setProperty(name, value)
    document.body.append(cover)
  })
}
