import { expect, type Page, test } from '@playwright/test'
import { Account } from './support/account.ts'
import { piContract } from './support/contracts.ts'
import { expectClosed } from './support/pages.ts'
import {
  consent,
  type Embedded,
  expectConnected,
  expectPill,
  type Partner,
  startPartner,
  visit,
} from './support/partner.ts'
import { type Site, startSite } from './support/site.ts'

/** A page that hides the frame after the visitor has consented: computing stops, and goes on when it is back. */

const ENDLESS_SHARDS = 9_000

let site: Site
let partner: Partner
let page: Page
let embedded: Embedded

test.describe.configure({ mode: 'serial' })

test.beforeAll(async ({ browser }) => {
  site = await startSite({ houseAgent: false })
  partner = await startPartner(site.url)
  const stranger = await Account.signUp(site.url, 'A stranger')
  await stranger.submit(piContract('embed hidden', ENDLESS_SHARDS, { mode: 'none' }))
  page = await (await browser.newContext()).newPage()
  embedded = await visit(page, partner)
  await consent(embedded)
})
test.afterAll(async () => {
  await page?.context().close()
  await partner?.close()
  await site?.stop()
})

/** What the page does to the frame's element. */
const HIDINGS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['display: none', { display: 'none' }],
  ['visibility: hidden', { visibility: 'hidden' }],
  ['opacity: 0', { opacity: '0' }],
  // By width and height alone the loader, which is in the page as well, would undo it.
  ['shrinking it to a pixel', { 'max-width': '1px', 'max-height': '1px' }],
  ['shrinking it in height only', { 'max-height': '20px' }],
  ['shrinking it by a transformation', { transform: 'scale(0.01)' }],
  ['clipping it', { 'clip-path': 'inset(50%)' }],
  ['moving it off the screen', { right: '-4000px' }],
  ['moving it half off the screen', { right: '-170px' }],
]

for (const [how, styles] of HIDINGS) {
  test(`hidden by ${how}, the agent rests; seen again, it goes on`, async () => {
    await expectComputing()
    const before = await apply(styles)
    await expectClosed(embedded.sockets)
    await apply(before)
    await expectComputing()
  })
}

test('covered by the page, even in part, the agent rests; uncovered, it goes on', async () => {
  await expectComputing()
  await page.evaluate(() => {
    const cover = document.createElement('div')
    cover.id = 'cover'
    const styles = { position: 'fixed', right: '0', bottom: '0', width: '60px', height: '60px' }
    for (const [name, value] of Object.entries({ ...styles, background: 'white', 'z-index': '2147483647' }))
      cover.style.setProperty(name, value)
    document.body.append(cover)
  })
  await expectClosed(embedded.sockets)
  await page.evaluate(() => document.getElementById('cover')?.remove())
  await expectComputing()
})

test('with the frame removed from the page, the agent is gone', async ({ browser }) => {
  await expectComputing()
  // Asked of the browser itself: the driver can miss the end of a worker whose frame goes with it. The worker's thread
  // computes one shard when the worker asks for it, and the browser may take its time to remove an idle one.
  const cdp = await browser.newBrowserCDPSession()
  const workers = async () => {
    const { targetInfos } = await cdp.send('Target.getTargets', { filter: [{ type: 'worker' }] })
    return targetInfos.filter(({ url }) => url.startsWith(site.url) && url.endsWith('/worker.js')).length
  }
  await expect.poll(workers).toBeGreaterThan(0)
  await page.evaluate(() => document.querySelector('iframe')?.remove())
  await expectClosed(embedded.sockets)
  await expect.poll(workers).toBe(0)
  await expect.poll(async () => (await partner.stats()).agents_now).toBe(0)
  expect((await partner.stats()).visitors).toMatchObject({ consented: 1, stopped: 0 })
})

/** Connected, and more shards are done than before: the words alone may be those of a moment ago. */
async function expectComputing(): Promise<void> {
  await expectConnected(embedded)
  await expectPill(embedded, 'Computing for')
  const done = async () =>
    Number.parseInt(
      (await embedded.frame.getByRole('status').textContent())?.match(/\d+(?= shards done)/)?.[0] ?? '',
      10,
    )
  // Until the agent has said anything, there is no number.
  let before = Number.NaN
  await expect
    .poll(async () => {
      before = await done()
      return before
    })
    .toBeGreaterThanOrEqual(0)
  await expect.poll(done, { timeout: 60_000 }).toBeGreaterThan(before)
}

/** @returns what undoes it */
function apply(styles: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  return page.evaluate((given) => {
    const iframe = document.querySelector('iframe')
    if (iframe === null) throw new Error('no frame')
    const before: Record<string, string> = {}
    for (const [name, value] of Object.entries(given)) {
      before[name] = iframe.style.getPropertyValue(name)
      iframe.style.setProperty(name, value, 'important')
    }
    return before
  }, styles)
}
