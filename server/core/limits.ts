/** Limits of the services. A number without a unit in its name is a count. */
export const CORE_LIMITS = {
  jobs_page: 100,
  idempotency_key_chars: 128,
  token_name_chars: 60,
  tokens_per_owner: 50,
  cursor_chars: 200,
  sites_per_owner: 20,
  site_name_chars: 60,
  site_origins: 20,
  origin_chars: 255,
  /** Days with figures that a site's statistics show. */
  site_days: 30,
} as const
