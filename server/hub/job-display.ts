import type { JobRoom, JobWaiting, ProgressView } from '../../kernel/api.ts'
import { connectedFor, waitingFor } from './core/fleet.ts'
import type { CoreLoop } from './core-loop.ts'
import type { JobTable } from './job-table.ts'
import type { HubOptions } from './options.ts'
import { WaitingWatch } from './waiting-watch.ts'

/** Ticks after which the others are told for which jobs there are agents here. */
const TELL_TICKS = 4

export interface JobDisplayPorts extends Pick<HubOptions, 'listener'> {
  readonly loop: CoreLoop
  readonly running: JobTable
  /** What this hub has to tell the others of a job has changed. */
  tellOthers(jobId: string): void
}

/** What is shown of running jobs, to watchers and to the other hubs: each tick tells what has changed since the last. */
export class JobDisplay {
  readonly #ports: JobDisplayPorts
  /** Jobs whose figures have changed here, and those of which another hub has told something. */
  readonly #changed = new Set<string>()
  readonly #retold = new Set<string>()
  /** Agents here for each job, up to as many as it waits for, when the others were told. */
  readonly #connected = new Map<string, number>()
  readonly #waitings = new WaitingWatch()
  #ticks = 0

  constructor(ports: JobDisplayPorts) {
    this.#ports = ports
  }

  /** Why no agent works for a running job now; undefined when one does, or it is not running here. */
  waiting(jobId: string): JobWaiting | undefined {
    const { state } = this.#ports.loop
    const job = state.jobs.get(jobId)
    return job === undefined ? undefined : waitingFor(state, job)
  }

  progress(jobId: string): ProgressView | undefined {
    const { loop, running } = this.#ports
    return running.get(jobId)?.progress(loop.state.jobs.get(jobId))
  }

  /** What watchers of the job see now; undefined when it is not running here. */
  room(jobId: string): JobRoom | undefined {
    const { loop, running } = this.#ports
    const job = loop.state.jobs.get(jobId)
    return job === undefined
      ? undefined
      : running.get(jobId)?.room(job.phase, job, waitingFor(loop.state, job))
  }

  /** The job's figures have changed here. */
  changed(jobId: string): void {
    this.#changed.add(jobId)
  }

  /** Another hub has told something of the job. */
  retold(jobId: string): void {
    this.#retold.add(jobId)
  }

  forget(jobId: string): void {
    this.#changed.delete(jobId)
    this.#retold.delete(jobId)
    this.#connected.delete(jobId)
    this.#waitings.forget(jobId)
  }

  tick(): void {
    const { listener, running, tellOthers } = this.#ports
    for (const id of this.#waitings.changed(running.ids(), (jobId) => this.waiting(jobId)))
      this.#changed.add(id)
    if (this.#ticks++ % TELL_TICKS === 0) this.#tellConnected()
    for (const jobId of this.#changed) tellOthers(jobId)
    for (const jobId of new Set([...this.#changed, ...this.#retold])) {
      if (listener.watchesJob?.(jobId) === false) {
        listener.jobMoved?.(jobId)
        continue
      }
      const room = this.room(jobId)
      if (room !== undefined) listener.jobChanged(jobId, room)
    }
    this.#changed.clear()
    this.#retold.clear()
  }

  /** Tells the others for which jobs there are agents here, or are no more; how many where a job waits for several. */
  #tellConnected(): void {
    const { loop, tellOthers } = this.#ports
    for (const job of loop.state.jobs.values()) {
      const connected = Math.min(connectedFor(loop.state, job), job.min_agents)
      if (this.#connected.get(job.id) === connected) continue
      this.#connected.set(job.id, connected)
      tellOthers(job.id)
    }
  }
}
