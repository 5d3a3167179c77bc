import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { SiteEnrolment } from '../../kernel/protocol.ts'
import type { ConsentStore, SiteRow, SiteStore } from '../memory/embed-ports.ts'
import { CONSENT_ENDS, type ConsentWatch } from './consent-watch.ts'
import type { SiteConnection } from './hub-port.ts'
import { networkPrefix } from './network-prefix.ts'

/** What visitors of partners' pages and the agents in their frames ask for. Nobody is signed in here. */

/** Where a visitor is. */
export interface Visit {
  /** Origin of the partner's page, as the browser told the frame. */
  readonly page: string
  readonly remoteAddress: string
  /** A phone or a tablet. */
  readonly isHandheld: boolean
}

export interface EmbedService {
  /** The site of a key; undefined when there is none. */
  site(siteKey: string): Promise<SiteRow | undefined>
  /** A visitor has seen the consent card. @throws ForgeError as `consent` does */
  asked(siteKey: string, visit: Visit): Promise<void>
  /**
   * The visitor has pressed the button. The token is told once; only its SHA-256 is stored.
   * @throws ForgeError NOT_FOUND for an unknown key; FORBIDDEN when the site is off, the page's origin is not allowed, or
   * the device is a phone and the site does not ask phones
   */
  consent(siteKey: string, visit: Visit): Promise<{ readonly consent: string; readonly valid_ms: number }>
  /** Ends the consent and its agents at once. A token that is unknown or stopped changes nothing. */
  stop(consent: string, by: 'visitor' | 'page'): Promise<void>
  /** @throws ForgeError FORBIDDEN when the consent does not hold (any more), or is for another site */
  admit(enrolment: SiteEnrolment): Promise<SiteConnection>
}

/** A visitor is asked again after a day, however long his tab stays open. */
const CONSENT_LASTS_MS = 24 * 3_600_000

export function createEmbedService(options: {
  readonly sites: SiteStore
  readonly consents: ConsentStore
  readonly watch: ConsentWatch
  /** Milliseconds since 1970. */
  readonly now?: () => number
}): EmbedService {
  const { sites, consents, watch, now = Date.now } = options

  const open = async (siteKey: string, { page, isHandheld }: Visit): Promise<SiteRow> => {
    const site = await sites.byKey(siteKey)
    if (site === undefined) throw new ForgeError('NOT_FOUND', 'there is no such site key')
    if (!site.enabled) throw new ForgeError('FORBIDDEN', CONSENT_ENDS.switched_off)
    if (!site.allowed_origins.includes(page))
      throw new ForgeError('FORBIDDEN', 'this page may not use this site key')
    if (isHandheld && !site.phones) throw new ForgeError('FORBIDDEN', 'this site does not ask phones')
    return site
  }

  return {
    site: (siteKey) => sites.byKey(siteKey),

    async asked(siteKey, visit) {
      const site = await open(siteKey, visit)
      await sites.count(site.id, 'asked', new Date(now()))
    },

    async consent(siteKey, visit) {
      const site = await open(siteKey, visit)
      const consent = `fpct_${randomBytes(32).toString('base64url')}`
      const created_at = new Date(now())
      await consents.add({
        token_hash: sha256Hex(consent),
        site_id: site.id,
        network: networkPrefix(visit.remoteAddress),
        created_at,
        expires_at: new Date(created_at.getTime() + CONSENT_LASTS_MS),
      })
      await sites.count(site.id, 'consented', created_at)
      return { consent, valid_ms: CONSENT_LASTS_MS }
    },

    async stop(consent, by) {
      const at = new Date(now())
      const stopped = await consents.stop(sha256Hex(consent), at)
      if (stopped === undefined) return
      if (by === 'visitor') await sites.count(stopped.site_id, 'stopped', at)
      await watch.check()
    },

    async admit({ site_key, consent }) {
      const token_hash = sha256Hex(consent)
      const [site, given] = await Promise.all([sites.byKey(site_key), consents.get(token_hash)])
      const refuse = (why: string) =>
        new ForgeError('FORBIDDEN', why, { path: 'site.consent', hint: 'Reload the page to be asked again.' })
      if (site === undefined || given === undefined || given.site_id !== site.id)
        throw refuse('there is no such consent')
      if (!site.enabled) throw refuse(CONSENT_ENDS.switched_off)
      if (given.stopped_at !== null) throw refuse(CONSENT_ENDS.stopped)
      if (given.expires_at.getTime() <= now()) throw refuse(CONSENT_ENDS.expired)
      return { siteId: site.id, consent: token_hash }
    },
  }
}
