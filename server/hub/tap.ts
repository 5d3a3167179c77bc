import type { HubEffect, HubEvent } from './core/events.ts'
import type { HubJob, HubState } from './core/state.ts'

/**
 * Sees everything that the hub's core hears and says, in its order, and decides nothing: figures and traces are made from
 * it. It is called for every message, so it must be quick, and it must not throw.
 */
export interface HubTap {
  heard(event: HubEvent): void
  said(effect: HubEffect): void
  /** A result came for a lease that its sender does not hold, or no longer. */
  notHeld(): void
}

/** What the hub holds at this moment. */
export interface HubFigures {
  readonly sessions: number
  /** Leases that agents have and have not answered. */
  readonly leases: number
  /** Jobs in the hub by their phase. */
  readonly jobs: Readonly<Partial<Record<'planned' | 'running' | 'verifying', number>>>
  /** Jobs whose stored data cannot be read now: they are tried again. */
  readonly unreadable: number
  /** Runs that wait for the referee's word, and for its sample. */
  readonly disputes: number
  readonly audits: number
  /** Requests that the referee is at. */
  readonly refereeing: number
  /** Acceptances that are not durable yet. */
  readonly uncommitted: number
}

/** @param outside what the core does not know of */
export function figuresOf(
  state: HubState,
  outside: Pick<HubFigures, 'unreadable' | 'uncommitted'>,
): HubFigures {
  const jobs: Partial<Record<HubJob['phase'], number>> = {}
  for (const { phase } of state.jobs.values()) jobs[phase] = (jobs[phase] ?? 0) + 1
  return {
    sessions: state.sessions.size,
    leases: state.leases.size,
    jobs,
    disputes: state.disputes.size,
    audits: state.audits.size,
    refereeing: state.refereeing.size,
    ...outside,
  }
}

/** One tap for several. */
export function taps(all: readonly HubTap[]): HubTap {
  return {
    heard(event) {
      for (const tap of all) tap.heard(event)
    },
    said(effect) {
      for (const tap of all) tap.said(effect)
    },
    notHeld() {
      for (const tap of all) tap.notHeld()
    },
  }
}
