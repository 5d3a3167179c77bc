import { eligible, fitsTarget } from './fleet.ts'
import { unlink } from './linked-list.ts'
import { fits, kindOf } from './offers.ts'
import type { HubJob, HubSession, HubState, Run } from './state.ts'
import { areApart, voicesOf } from './voices.ts'

/**
 * Which agents are to be offered work. An agent that listens and has room in its window is **hungry**. When it finds
 * nothing it is **idle**: it is not asked again until something turns up that it may take, or the clock ticks. So a
 * step looks only at agents that may get something.
 */

/** Puts the session among the hungry ones if it would take a lease, otherwise among none. */
export function seat(state: HubState, session: HubSession): void {
  unlink(session)
  const { held, window, listening } = session
  if (!listening || held.size >= window || !state.sessions.has(session.id)) return
  state.hungry[held.size]?.push(session)
}

/** The hungry agent with the emptiest hands; among equals the one that waits longest. */
export function nextHungry(state: HubState): HubSession | undefined {
  for (const queue of state.hungry) if (queue.first !== undefined) return queue.first
  return undefined
}

/** Found nothing. */
export function setIdle(session: HubSession): void {
  unlink(session)
  session.offer.idle.push(voicesOf(session), session)
}

/** Wakes an idle agent that may take this run, one of another kind than has begun it if there is one. */
export function wakeFor(state: HubState, job: HubJob, run: Run): void {
  const begun = run.copies[0]?.executor
  const other = begun === undefined || kindOf(begun) === 'gpu' ? 'cpu' : 'gpu'
  const may = ([owner = '', network]: readonly string[]): boolean =>
    owner !== job.owner && run.copies.every((copy) => areApart(copy, { owner, network }))
  for (const kind of [other, other === 'cpu' ? 'gpu' : 'cpu'] as const) {
    if (!fitsTarget(job, kind)) continue
    for (const offer of state.offers.values()) {
      if (offer.kind !== kind || offer.idle.isEmpty || !fits(job, offer)) continue
      if (eligible(state, job, run, kind).listening <= 0) break
      const session = offer.idle.take(may)
      if (session === undefined) continue
      seat(state, session)
      return
    }
  }
}

/** Wakes idle agents, those who fit the job if there is one, at most so many. */
export function wakeMany(state: HubState, job: HubJob | undefined, most: number): void {
  let left = most
  for (const kind of ['gpu', 'cpu'] as const) {
    for (const offer of state.offers.values()) {
      if (offer.kind !== kind || (job !== undefined && !fits(job, offer))) continue
      for (; left > 0; left--) {
        const session = offer.idle.take(() => true)
        if (session === undefined) break
        seat(state, session)
      }
    }
  }
}
