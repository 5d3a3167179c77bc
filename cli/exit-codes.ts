/** Exit codes of the commands that check something. A script may rely on them. */
export const EXIT = {
  ok: 0,
  rejected: 1,
  usage: 2,
  unreadable: 3,
  /** This machine or this version cannot execute the job. */
  unable: 4,
  /** Stopped by Ctrl-C, as shells report it. */
  stopped: 130,
} as const
