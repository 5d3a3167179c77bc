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

  /** Another hub has ended the job. */
  letGo(jobId: string): void {
    this.#lettingGo.add(jobId)
    this.#ports.loop.apply({ t: 'job.cancelled', job_id: jobId })
  }

  /** The end is stored. */
  announce(jobId: string, state: JobState): void {
    const { listener, loop, running, tellOthers, forget } = this.#ports
    const runtime = running.get(jobId)
    if (runtime === undefined) return
    if (this.#lettingGo.delete(jobId)) listener.jobLetGo?.(jobId, state)
    else {
      listener.jobChanged(jobId, runtime.room(state, loop.state.jobs.get(jobId)))
      tellOthers(jobId)
    }
    forget(jobId)
  }
}
