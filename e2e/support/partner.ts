import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test'
import { z } from 'zod'
import { type PartnerOptions, type PartnerSite, startPartnerSite } from '../../demo/partner/site.ts'
import { siteStatsView, siteView } from '../../kernel/api/sites.ts'
import { Account } from './account.ts'
import { agentSockets } from './pages.ts'

/** Probing compiles every kernel, which takes a software driver some seconds. */
const PROBE_MS = 60_000

/** A partner with an account, a site key and a page of his own on another origin. */
export interface Partner {
  readonly site: PartnerSite
  readonly account: Account
  readonly siteId: string
  stats(): Promise<z.infer<typeof siteStatsView>>
  update(change: object): Promise<void>
  close(): Promise<void>
}

export async function startPartner(
  poolUrl: string,
  options: Partial<Pick<PartnerOptions, 'isolated' | 'attributes'>> & {
    /** Default: his page's own origin. */
    readonly allowed?: readonly string[]
  } = {},
): Promise<Partner> {
  const { allowed, ...page } = options
  let siteKey = ''
  const site = await startPartnerSite({ pool: poolUrl, port: 0, siteKey: () => siteKey, ...page })
  const account = await Account.signUp(poolUrl, 'Partner')
  const settings = { name: 'The Tide Table', allowed_origins: allowed ?? [site.origin] }
  const created = await account.call('sites.create', settings, siteView)
  siteKey = created.site_key
  return {
    site,
    account,
    siteId: created.id,
    stats: () => account.call('sites.stats', { id: created.id }, siteStatsView),
    update: async (change) =>
      void (await account.call('sites.update', { id: created.id, ...change }, z.unknown())),
    close: () => site.close(),
  }
}

/** What a visitor sees of the frame in a partner's page. */
export interface Embedded {
  readonly frame: FrameLocator
  readonly iframe: Locator
  readonly allow: Locator
  readonly stop: Locator
  /** Connections to the hub that the page's agents have opened. */
  readonly sockets: ReturnType<typeof agentSockets>
}

export async function visit(page: Page, partner: Partner): Promise<Embedded> {
  const sockets = agentSockets(page)
  await page.goto(partner.site.origin)
  const iframe = page.locator('iframe')
  const frame = iframe.contentFrame()
  return {
    frame,
    iframe,
    allow: frame.getByRole('button', { name: 'Allow here' }),
    stop: frame.getByRole('button', { name: 'Stop' }),
    sockets,
  }
}

/** Waits until the card is on the page: the loader has given the frame its room. */
export async function expectCard({ iframe, allow }: Embedded): Promise<void> {
  await expect(allow).toBeVisible()
  await expect(iframe).toHaveCSS('visibility', 'visible')
}

/** Presses a button of the frame, again if the frame was given other room while the mouse was on its way. */
export async function press(button: Locator, done: () => Promise<void>): Promise<void> {
  await expect(async () => {
    if (await button.isVisible()) await button.click({ timeout: 2_000 })
    await done()
  }).toPass()
}

/** Presses the button as soon as the frame lets it count: the card must have been in sight for half a second. */
export async function consent({ allow, stop }: Embedded): Promise<void> {
  await press(allow, () => expect(stop).toBeVisible({ timeout: 1_000 }))
}

/** Waits until an agent of the page has a connection to the hub. */
export async function expectConnected({ sockets }: Embedded): Promise<void> {
  await expect.poll(() => sockets.some((socket) => !socket.isClosed()), { timeout: PROBE_MS }).toBe(true)
}

/** Waits until the pill says so. */
export async function expectPill(
  { frame }: Embedded,
  words: string | RegExp,
  timeout = PROBE_MS,
): Promise<void> {
  await expect(frame.getByRole('status')).toContainText(words, { timeout })
}
