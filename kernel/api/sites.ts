import { z } from 'zod'

/** Partners' sites in the public API. Times are ISO 8601 in UTC, days are UTC. */

export const siteView = z.object({
  id: z.string(),
  name: z.string(),
  /** Public: it stands in the site's pages. */
  site_key: z.string(),
  allowed_origins: z.array(z.string()),
  /** Whether phones and tablets may be asked, too. */
  phones: z.boolean(),
  /** The kill switch. */
  enabled: z.boolean(),
  created_at: z.string(),
})
export type SiteView = z.infer<typeof siteView>

const visitors = {
  /** Shown the consent card. */
  asked: z.int(),
  consented: z.int(),
  /** Pressed Stop. */
  stopped: z.int(),
}

export const siteStatsView = z.object({
  visitors: z.object(visitors),
  /** The last 30 days on which anything happened, oldest first. */
  days: z.array(z.object({ day: z.string(), ...visitors })),
  /** Agents of the site that are connected now. */
  agents_now: z.int(),
  /** Agents that ever computed for the site. */
  agents: z.int(),
  /** Accepted shards. */
  shards: z.int(),
  /** Credits that the site's owner earned by it. */
  credits_earned: z.int(),
})
export type SiteStatsView = z.infer<typeof siteStatsView>
