import type { JobState } from '../../kernel/api.ts'
import type { ForgeErrorJson } from '../../kernel/errors.ts'
import type { CoreLoop } from './core-loop.ts'
import type { JobTable } from './job-table.ts'
import type { JobWriter, StoredEnd } from './job-writer.ts'
import type { HubOptions } from './options.ts'

export interface JobEndPorts extends Pick<HubOptions, 'listener'> {
  readonly loop: CoreLoop
  readonly running: JobTable
  readonly writer: Pick<JobWriter, 'storeEnd'>
  /** Whether the job is on its way into the core. */
  isEntering(jobId: string): boolean
  /** Waits until what was accepted here is durable, and stands in the totals of those who did it. */
  durable(): Promise<void>
  /** The job has ended here: the other hubs hear of it. */
  tellOthers(jobId: string): void
  /** Everybody who keeps something of the job lets go of it. */
  forget(jobId: string): void
}

/** How jobs leave the hub: the end is stored after what was accepted before it, then told, then the job is forgotten. */
export class JobEnds {
  readonly #ports: JobEndPorts
  /** Jobs that another hub has ended. */
  readonly #lettingGo = new Set<string>()

  constructor(ports: JobEndPorts) {
    this.#ports = ports
  }

  /** The runtime stays until the end is stored: what was accepted before it is still to be folded. */
  store(jobId: string, state: StoredEnd, failure: ForgeErrorJson | undefined): void {
    const { running, writer, durable } = this.#ports
    writer.storeEnd(jobId, state, {
      failure,
      durable,
      progress: () => running.get(jobId)?.progress(undefined),
      covered: () => running.get(jobId)?.covered() ?? null,
      stored: (ended) => this.announce(jobId, ended),
    })
  }

  /** Another hub has ended the job, in this state. */
  letGo(jobId: string, state: JobState): void {
    const { listener, loop, forget } = this.#ports
    if (loop.state.jobs.has(jobId)) {
      this.#lettingGo.add(jobId)
      loop.apply({ t: 'job.cancelled', job_id: jobId })
    } else {
      forget(jobId)
      listener.jobLetGo?.(jobId, state)
    }
  }

  /** The end is stored. */
  announce(jobId: string, state: JobState): void {
    const { listener, loop, running, isEntering, tellOthers, forget } = this.#ports
    const runtime = running.get(jobId)
    if (runtime === undefined && !isEntering(jobId)) return
    const isLetGo = this.#lettingGo.delete(jobId)
    if (isLetGo || runtime === undefined) listener.jobLetGo?.(jobId, state)
    else listener.jobChanged(jobId, runtime.room(state, loop.state.jobs.get(jobId)))
    if (!isLetGo) tellOthers(jobId)
    forget(jobId)
  }
}
