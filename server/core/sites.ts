import { randomBytes } from 'node:crypto'
import type { SiteStatsView, SiteView } from '../../kernel/api/sites.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { SiteRow, SiteStore } from '../memory/embed-ports.ts'
import type { Actor } from './actor.ts'
import { type Action, authorise, authoriseOwner, MISSING } from './authorise.ts'
import type { ConsentWatch } from './consent-watch.ts'
import type { HubSessions } from './hub-port.ts'
import { CORE_LIMITS } from './limits.ts'
import { parseOrigins } from './site-origins.ts'

/** A partner's sites: their keys, where they may be used, and what came of them. */

export interface SiteSettings {
  readonly name: string
  readonly allowed_origins: readonly string[]
}

export interface SiteService {
  list(actor: Actor): Promise<readonly SiteView[]>
  /** @throws ForgeError INPUT_INVALID for an origin that is none; CONFLICT when the owner has all sites he may have */
  create(actor: Actor, settings: SiteSettings): Promise<SiteView>
  /** Switching a site off, or taking phones away, counts at once. @throws ForgeError NOT_FOUND, INPUT_INVALID */
  update(
    actor: Actor,
    id: string,
    change: Partial<SiteSettings> & { readonly phones?: boolean; readonly enabled?: boolean },
  ): Promise<SiteView>
  /** @throws ForgeError NOT_FOUND */
  get(actor: Actor, id: string): Promise<SiteView>
  /** @throws ForgeError NOT_FOUND */
  stats(actor: Actor, id: string): Promise<SiteStatsView>
}

export interface SiteServiceOptions {
  readonly sites: SiteStore
  readonly hub: Pick<HubSessions, 'sessions'>
  readonly watch: ConsentWatch
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DAY_MS = 86_400_000

export function createSiteService(options: SiteServiceOptions): SiteService {
  const { sites, hub, watch, now = Date.now } = options

  const own = async (actor: Actor, action: Action, id: string): Promise<SiteRow> => {
    const site = UUID.test(id) ? await sites.get(id) : undefined
    authorise(actor, action, site === undefined ? MISSING : { ownerId: site.owner_id })
    if (site === undefined) throw noSite()
    return site
  }

  return {
    async list(actor) {
      const { ownerId } = authoriseOwner(actor, 'sites.read')
      return (await sites.list(ownerId)).map(viewOf)
    },

    async create(actor, { name, allowed_origins }) {
      const { ownerId } = authoriseOwner(actor, 'sites.manage')
      const site = await sites.create(
        {
          owner_id: ownerId,
          name,
          site_key: `fpsk_${randomBytes(16).toString('base64url')}`,
          allowed_origins: parseOrigins(allowed_origins),
        },
        CORE_LIMITS.sites_per_owner,
      )
      if (site === undefined) {
        throw new ForgeError('CONFLICT', `an account has at most ${CORE_LIMITS.sites_per_owner} sites`, {
          hint: 'Change one that is no longer used.',
        })
      }
      return viewOf(site)
    },

    async update(actor, id, { allowed_origins, ...change }) {
      await own(actor, 'sites.manage', id)
      const changed = await sites.update(id, {
        ...change,
        ...(allowed_origins === undefined ? {} : { allowed_origins: parseOrigins(allowed_origins) }),
      })
      if (changed === undefined) throw noSite()
      if (!changed.enabled) await watch.check()
      return viewOf(changed)
    },

    get: async (actor, id) => viewOf(await own(actor, 'sites.read', id)),

    async stats(actor, id) {
      await own(actor, 'sites.read', id)
      const from = new Date(now() - (CORE_LIMITS.site_days - 1) * DAY_MS)
      const [visitors, days, work, credits_earned] = await Promise.all([
        sites.totals(id),
        sites.days(id, from),
        sites.work(id),
        sites.earned(id),
      ])
      const agents_now = hub.sessions().filter(({ site }) => site?.siteId === id).length
      return { visitors, days: [...days], agents_now, ...work, credits_earned }
    },
  }
}

function noSite(): ForgeError {
  return new ForgeError('NOT_FOUND', 'there is no such site')
}

function viewOf({ owner_id: _, created_at, allowed_origins, ...site }: SiteRow): SiteView {
  return { ...site, allowed_origins: [...allowed_origins], created_at: created_at.toISOString() }
}
