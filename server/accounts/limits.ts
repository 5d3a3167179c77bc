/** Limits of accounts. A number without a unit in its name is a count. */
export const ACCOUNT_LIMITS = {
  name_chars: 60,
  email_chars: 254,
  /** A link in a mail. */
  link_s: 3600,
  mails_underway: 100,
  /** Sign-ins and the like at once: each holds a connection to the database while a password is hashed. */
  at_once: 3,
  waiting: 300,
  session_s: 30 * 24 * 3600,
  /** A session that is used is prolonged at most so often. */
  session_refresh_s: 24 * 3600,
  /** What is hard to undo asks for a session that began so lately. */
  session_fresh_s: 24 * 3600,
} as const
