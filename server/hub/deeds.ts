import type { ChunkDesk } from './chunk-desk.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { HubJob } from './core/state.ts'
import type { CoreLoop, Deed } from './core-loop.ts'
import type { DoubtDesk } from './doubt-desk.ts'
import type { BusMessage } from './hub-news.ts'
import type { JobDisplay } from './job-display.ts'
import type { JobEnds } from './job-ends.ts'
import type { JobTable } from './job-table.ts'
import type { JobWriter } from './job-writer.ts'
import type { HubOptions } from './options.ts'
import type { RefereeDesk } from './referee-desk.ts'
import type { SessionTable } from './session-table.ts'
import type { TrustDesk } from './trust-desk.ts'

/** Those who do what the core wants done. */
export interface Doers extends Pick<HubOptions, 'log'> {
  readonly loop: Pick<CoreLoop, 'epoch' | 'state'>
  readonly running: JobTable
  readonly sessions: Pick<SessionTable, 'send' | 'remove'>
  readonly commits: Pick<CommitQueue, 'add' | 'addWithheld'>
  readonly chunks: Pick<ChunkDesk, 'perform'>
  readonly refereeing: Pick<RefereeDesk, 'execute' | 'check' | 'recheck'>
  readonly doubts: Pick<DoubtDesk, 'doubt'>
  readonly trust: Pick<TrustDesk, 'passed' | 'failed' | 'flush'>
  readonly writer: Pick<JobWriter, 'storePhase'>
  readonly ends: Pick<JobEnds, 'store'>
  readonly display: Pick<JobDisplay, 'changed'>
  /** Makes the result of a job all of whose shards are durable. */
  finish(jobId: string): void
  tellOthers(said: BusMessage['said']): void
}

/** Whether a job, or its agents, may wait for what it has accepted to be durable: its end, or its next look. */
function isAwaited(job: HubJob | undefined): boolean {
  return job === undefined || job.look_ends.length > 0 || job.touched_count + job.fresh_count === 0
}

/** Hands a deed to the one who does it; none is waited for. */
export function perform(deed: Deed, doers: Doers): void {
  const { running, sessions, commits, chunks, refereeing, doubts, trust, display, tellOthers, log } = doers
  switch (deed.t) {
    case 'send':
      sessions.send(deed.session, String(deed.seq), deed.message)
      break
    case 'persist': {
      const runtime = running.get(deed.job_id)
      commits.add(
        { ...deed, looks: runtime?.job.plan.looks },
        isAwaited(doers.loop.state.jobs.get(deed.job_id)),
      )
      runtime?.accept(deed.runs)
      display.changed(deed.job_id)
      break
    }
    case 'withheld':
      commits.addWithheld({ ...deed, epoch: doers.loop.epoch })
      break
    case 'referee.run':
      void refereeing.execute(running.get(deed.job_id), deed)
      break
    case 'referee.check':
      void refereeing.check(running.get(deed.job_id), deed)
      break
    case 'referee.recheck':
      void refereeing.recheck(running.get(deed.job_id), deed)
      break
    case 'agents.passed':
      trust.passed(deed.passed)
      break
    case 'agent.failed':
      log('warn', 'an agent is in quarantine', {
        agent: deed.agent,
        executor: deed.executor,
        reason: deed.reason,
      })
      trust.failed(deed)
      void trust.flush().then(() => tellOthers({ t: 'news' }))
      break
    case 'word.doubted':
      void doubts.doubt(deed)
      break
    case 'chunk.claim':
    case 'chunk.extend':
    case 'chunk.done':
      void chunks.perform(deed)
      break
    case 'chunk.return':
      void chunks.perform(deed).then(() => tellOthers({ t: 'chunks.available', job_id: deed.job_id }))
      break
    case 'job.phase':
      display.changed(deed.job_id)
      enter(deed, doers)
      break
    case 'job.complete':
      doers.finish(deed.job_id)
      break
    case 'session.dropped':
      log('info', 'an agent session ended', {
        session: deed.session.slice(0, 8),
        reason: deed.reason,
      })
      sessions.remove(deed.session)
      break
    default:
      deed satisfies never
  }
}

function enter(
  { job_id, phase, failure }: Extract<Deed, { readonly t: 'job.phase' }>,
  { ends, writer }: Doers,
): void {
  // Stored together with the result.
  if (phase === 'settled') return
  if (phase === 'failed' || phase === 'cancelled' || phase === 'expired') ends.store(job_id, phase, failure)
  else writer.storePhase(job_id, phase)
}
