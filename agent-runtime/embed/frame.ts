import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'
import { siteEnrolment } from '../../kernel/protocol.ts'
import { type AgentClient, createAgentClient, type WatchSensors } from '../client.ts'
import { systemClock, within } from '../clock.ts'
import { asForgeError } from '../failure.ts'
import { AGENT_LIMITS } from '../limits.ts'
import type { SensorReading } from '../sensors.ts'
import { watchPage } from '../sensors-page.ts'
import type { AgentStatus } from '../status.ts'
import { type Consent, type EmbedApi, embedApi } from './frame-api.ts'
import { FrameView } from './frame-view.ts'
import { FrameVisibility } from './frame-visibility.ts'
import { isHandheld } from './handheld.ts'
import { EMBED_MESSAGES, isHello, type LayoutMessage } from './messages.ts'

/**
 * The frame in a partner's page: it asks the visitor, and computes while he lets it and sees it.
 *
 * - waiting: until the loader has said hello from an allowed origin; nothing is shown.
 * - asking: the consent card. Its button counts only as a press of the visitor on a card that he has seen for a while.
 * - computing: the agent runs; the pill with Stop is shown. While the frame cannot be seen whole, the agent rests.
 * - ended: stopped, expired, or refused by the pool. Only a new visit of the page asks again.
 */
type Phase =
  | { readonly t: 'waiting' }
  | { readonly t: 'asking'; readonly api: EmbedApi; isSending: boolean }
  | {
      readonly t: 'computing'
      readonly api: EmbedApi
      readonly consent: Consent
      readonly agent: AgentClient
      readonly expiry: ReturnType<typeof setTimeout>
    }
  | { readonly t: 'ended' }

/** Share of the time that a visitor's device computes for a page that he came to for something else. */
const INTENSITY = 0.25
/** A card that appears, or is uncovered, under a finger that is already falling was not read. */
const SEEN_BEFORE_PRESS_MS = 500

const pageSchema = z.object({
  siteKey: siteEnrolment.shape.site_key,
  siteName: z.string().min(1),
  origins: z.string().transform((text) => z.array(z.string()).parse(JSON.parse(text))),
  phones: z.enum(['on', 'off']),
})

const page = pageSchema.parse({ ...document.body.dataset })
let phase: Phase = { t: 'waiting' }
let parentOrigin: string | undefined
let room: Pick<LayoutMessage, 'layout' | 'width' | 'height'> | undefined

const view = new FrameView((needed) => {
  room = needed
  tellRoom()
})
const visibility = new FrameVisibility(view.content)

function tellRoom(): void {
  if (parentOrigin === undefined || room === undefined) return
  const message: LayoutMessage = { forge: EMBED_MESSAGES, t: 'layout', ...room }
  window.parent.postMessage(message, parentOrigin)
}

function onHello({ source, origin, data }: MessageEvent<unknown>): void {
  if (
    source !== window.parent ||
    window.parent === window ||
    !page.origins.includes(origin) ||
    !isHello(data)
  )
    return
  if (phase.t !== 'waiting') return
  parentOrigin = origin
  phase = { t: 'asking', api: embedApi(page.siteKey, origin), isSending: false }
  view.showCard(new URL(origin).host)
  onVisibility()
}

/** The card counts as shown when it can be seen, once. */
let wasAsked = false
function onVisibility(): void {
  if (phase.t === 'asking' && visibility.visible && !wasAsked) {
    wasAsked = true
    void phase.api.asked()
  }
}

async function onAllow(event: Event): Promise<void> {
  if (phase.t !== 'asking' || phase.isSending) return
  if (!event.isTrusted || visibility.visibleFor_ms < SEEN_BEFORE_PRESS_MS) return
  const asking = phase
  asking.isSending = true
  view.showError('')
  try {
    const consent = await asking.api.consent()
    if (phase === asking) compute(asking.api, consent)
    else void asking.api.stop(consent.consent, 'page')
  } catch (error) {
    const { message, hint } = asForgeError(error)
    view.showError(hint === undefined ? `${message}.` : `${message}. ${hint}`)
  } finally {
    asking.isSending = false
  }
}

function compute(api: EmbedApi, consent: Consent): void {
  const agent = createAgentClient(watchFrame)
  const expiry = setTimeout(() => end('Ended', 'Your consent has expired after 24 hours.'), consent.valid_ms)
  phase = { t: 'computing', api, consent, agent, expiry }
  agent.subscribe(onStatus)
  showStatus(undefined)
  const site = { site_key: page.siteKey, consent: consent.consent }
  agent
    .configure({ intensity: INTENSITY, threads: 1, pause_when_hidden: true })
    .then(() => agent.start({ executor: 'auto', site }))
    .catch((error: unknown) => end('Ended', asForgeError(error).message))
}

/** What the agent knows of its surroundings: the page's sensors, and whether the visitor can see that it runs. */
const watchFrame: WatchSensors = (changed) => {
  let reading: SensorReading | undefined
  const tell = () => {
    if (reading !== undefined) changed({ ...reading, visible: reading.visible && visibility.visible })
  }
  const stopPage = watchPage((next) => {
    reading = next
    tell()
  })
  const stopVisibility = visibility.watch(tell)
  return () => {
    stopPage()
    stopVisibility()
  }
}

function onStatus(status: AgentStatus): void {
  if (phase.t !== 'computing') return
  if (status.state === 'failed') end('Ended', status.reason ?? 'The agent cannot go on.')
  else showStatus(status)
}

function showStatus(status: AgentStatus | undefined): void {
  const { shards_accepted = 0, shards_done = 0 } = status ?? {}
  const detail = `${shards_done} shards done, ${shards_accepted} accepted`
  if (!visibility.visible) {
    view.showPill({ title: 'Resting: this box is not fully visible', detail, tone: 'waiting' })
    return
  }
  switch (status?.state) {
    case 'running':
      view.showPill({ title: `Computing for ${page.siteName}`, detail, tone: 'running' })
      return
    case 'paused':
    case 'offline':
      view.showPill({ title: status.reason ?? 'Resting', detail, tone: 'waiting' })
      return
    case 'connecting':
      view.showPill({ title: 'Connecting to Forge Pool', detail: status.reason ?? detail, tone: 'waiting' })
      return
    default:
      view.showPill({ title: 'Checking this device', detail, tone: 'waiting' })
  }
}

/** Nothing computes any more when this returns but the dispatch that is on the device. */
function end(title: string, detail: string, by: 'visitor' | 'page' = 'page'): void {
  if (phase.t !== 'computing') return
  const { agent, api, consent, expiry } = phase
  phase = { t: 'ended' }
  clearTimeout(expiry)
  void api.stop(consent.consent, by)
  // Held leases are given back; then, or when that hangs, the worker is ended.
  const hangs = () => new ForgeError('UNAVAILABLE', 'the agent did not stop in time')
  void within(systemClock, AGENT_LIMITS.stop_timeout_ms, hangs, agent.stop())
    .catch(() => undefined)
    .then(() => agent.close())
  view.showPill({ title, detail, tone: 'ended' })
}

/** The page goes, and with it the time to give leases back: the worker ends now, and the hub ends its session with the consent. */
function goAway(): void {
  if (phase.t !== 'computing') return
  const { agent, api, consent, expiry } = phase
  phase = { t: 'ended' }
  clearTimeout(expiry)
  void api.stop(consent.consent, 'page')
  agent.close()
  // Seen only where the browser keeps the page and comes back to it.
  view.showPill({ title: 'Ended', detail: 'You left the page.', tone: 'ended' })
}

function leave(): void {
  phase = { t: 'ended' }
  room = { layout: 'none', width: 0, height: 0 }
  tellRoom()
}

visibility.watch(onVisibility)
view.allow.addEventListener('click', (event) => void onAllow(event))
view.decline.addEventListener('click', leave)
view.onClose(leave)
view.onStop(() => end('Stopped', 'Nothing is being computed.', 'visitor'))
addEventListener('pagehide', goAway)
if (!isHandheld(navigator) || page.phones === 'on') addEventListener('message', onHello)
