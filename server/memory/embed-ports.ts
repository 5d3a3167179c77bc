import type { HexDigest } from '../../kernel/digest.ts'
import type { PartnerSites } from './ports/credits.ts'

/** What the embed asks of storage: partners' sites, visitors' consents and spent challenges. */

export interface SiteRow {
  /** UUID. */
  readonly id: string
  readonly owner_id: string
  readonly name: string
  /** `fpsk_…`, public. */
  readonly site_key: string
  readonly allowed_origins: readonly string[]
  /** Whether phones and tablets may be asked, too. */
  readonly phones: boolean
  /** The kill switch: false ends every agent of the site. */
  readonly enabled: boolean
  readonly created_at: Date
}

export type NewSite = Pick<SiteRow, 'owner_id' | 'name' | 'site_key' | 'allowed_origins'>
export type SiteChange = Partial<Pick<SiteRow, 'name' | 'allowed_origins' | 'phones' | 'enabled'>>

/** Visitors of a site on one day. */
export interface SiteDay {
  /** UTC, `2026-11-26`. */
  readonly day: string
  readonly asked: number
  readonly consented: number
  readonly stopped: number
}

export interface SiteStore extends PartnerSites {
  /** @returns undefined when the owner has `most` sites already */
  create(site: NewSite, most: number): Promise<SiteRow | undefined>
  get(id: string): Promise<SiteRow | undefined>
  byKey(siteKey: string): Promise<SiteRow | undefined>
  /** Oldest first. */
  list(ownerId: string): Promise<readonly SiteRow[]>
  /** @returns undefined when there is no such site */
  update(id: string, change: SiteChange): Promise<SiteRow | undefined>
  count(siteId: string, what: 'asked' | 'consented' | 'stopped', at: Date): Promise<void>
  /** Since and including `from`, oldest first; days on which nothing happened are absent. */
  days(siteId: string, from: Date): Promise<readonly SiteDay[]>
  /** Sums over all days. */
  totals(siteId: string): Promise<Omit<SiteDay, 'day'>>
  /** Credits posted to the site's owner for its agents' work. */
  earned(siteId: string): Promise<number>
  /** What the site's agents have done: accepted shards, and how many agents there ever were. */
  work(siteId: string): Promise<{ readonly agents: number; readonly shards: number }>
}

export interface ConsentRow {
  readonly token_hash: HexDigest
  readonly site_id: string
  /** The visitor's network, /24 or /48. */
  readonly network: string
  readonly created_at: Date
  readonly expires_at: Date
  readonly stopped_at: Date | null
}

/** Why a consent does not hold: its visitor, its time, or the site's kill switch. */
export type ConsentEnd = 'stopped' | 'expired' | 'switched_off'

export interface ConsentStore {
  add(consent: Omit<ConsentRow, 'stopped_at'>): Promise<void>
  get(tokenHash: HexDigest): Promise<ConsentRow | undefined>
  /** @returns the consent when this call stopped it; undefined when it is unknown or was stopped before */
  stop(tokenHash: HexDigest, at: Date): Promise<ConsentRow | undefined>
  /** Those of `tokenHashes` that do not hold at `at`, and why; the unknown are `stopped`. */
  ended(tokenHashes: readonly HexDigest[], at: Date): Promise<ReadonlyMap<HexDigest, ConsentEnd>>
}

export interface ChallengeStore {
  /** @returns whether this call is the first one for the nonce, also across restarts */
  spend(nonce: string, expiresAt: Date): Promise<boolean>
}
