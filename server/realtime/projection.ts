import type { JobListItem, JobRoom, NetworkRoom, NetworkView } from '../../kernel/api.ts'
import type { OpRegistry } from '../../kernel/job.ts'
import type { Actor } from '../core/actor.ts'
import { permits } from '../core/authorise.ts'
import type { HubJobs, HubNetwork } from '../core/hub-port.ts'
import { isFinal, jobListItem, jobResource } from '../core/job-view.ts'
import type { Log } from '../core/log.ts'
import type { JobRow, JobStore } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { projectJob } from './job-projection.ts'
import { ROOM_LIMITS } from './limits.ts'
import type { RoomId } from './room-name.ts'
import type { RoomPublisher, RoomSource } from './room-server.ts'

export interface ProjectionPorts {
  readonly ops: OpRegistry
  readonly jobs: Pick<JobStore, 'get' | 'list'>
  readonly results: Pick<ResultStore, 'load'>
  readonly hub: HubNetwork & Pick<HubJobs, 'progress' | 'waiting'>
  readonly log: Log
}

/** Jobs that ended lately: their last room is newer than their row, which may still be on its way to the disk. */
const ENDED_KEPT = 256

/**
 * Fills the rooms: a running job's from the hub, an ended one's from the database, the network's from both; and
 * carries the hub's changes (throttled by the hub) to whoever watches.
 */
export class Projection implements RoomSource {
  readonly #ports: ProjectionPorts
  readonly #ended = new Map<string, JobRoom>()
  #publisher: RoomPublisher | undefined
  #recentTimer: NodeJS.Timeout | undefined

  constructor(ports: ProjectionPorts) {
    this.#ports = ports
  }

  /** @param publisher the room server that loads from this projection */
  publishTo(publisher: RoomPublisher): void {
    this.#publisher = publisher
  }

  async load(room: RoomId): ReturnType<RoomSource['load']> {
    const { hub, jobs } = this.#ports
    if (room.kind === 'network') {
      return { stats: hub.network(), recent: await this.#recent() } satisfies NetworkRoom
    }
    const row = await jobs.get(room.id)
    return row === undefined ? undefined : { ...(await this.#job(row)) }
  }

  async mayWatch(room: RoomId, actor: Actor): Promise<boolean> {
    if (room.kind === 'network') return permits(actor, 'network.read')
    const row = await this.#ports.jobs.get(room.id)
    return row !== undefined && permits(actor, 'jobs.read', jobResource(row))
  }

  jobChanged(jobId: string, room: JobRoom): void {
    this.#publisher?.set({ kind: 'job', id: jobId }, { ...room })
    if (isFinal(room.state)) {
      this.#ended.set(jobId, room)
      const oldest = this.#ended.keys().next().value
      if (this.#ended.size > ENDED_KEPT && oldest !== undefined) this.#ended.delete(oldest)
    }
    this.refreshRecent()
  }

  /** Whether somebody watches it. */
  watches(room: RoomId): boolean {
    return this.#publisher?.watched(room) === true
  }

  /** Another server has ended the job: the room is made from what is stored. */
  async jobLetGo(jobId: string): Promise<void> {
    this.refreshRecent()
    if (!this.watches({ kind: 'job', id: jobId })) return
    const { jobs, results, ops, log } = this.#ports
    try {
      const row = await jobs.get(jobId)
      if (row === undefined) return
      this.#publisher?.set({ kind: 'job', id: jobId }, { ...(await projectJob(row, results, ops)) })
    } catch (error) {
      log.warn('room.load_failed', { id: jobId, error })
    }
  }

  networkChanged(stats: NetworkView): void {
    this.#publisher?.set({ kind: 'network' }, { stats })
  }

  close(): void {
    clearTimeout(this.#recentTimer)
    this.#publisher = undefined
  }

  async #job(row: JobRow): Promise<JobRoom> {
    const { hub, results, ops } = this.#ports
    const known = hub.room(row.id) ?? this.#ended.get(row.id)
    return known ?? { ...(await projectJob(row, results, ops)), waiting: hub.waiting(row.id) ?? null }
  }

  async #recent(): Promise<JobListItem[]> {
    const rows = await this.#ports.jobs.list({ visibility: 'public', limit: ROOM_LIMITS.recent_jobs })
    return rows.map((row) => jobListItem(row, this.#ports.hub.progress(row.id)))
  }

  /** Reads the list again after a change, at most once in `recent_ms`, and only while somebody watches. */
  refreshRecent(): void {
    if (this.#recentTimer !== undefined || !this.watches({ kind: 'network' })) return
    this.#recentTimer = setTimeout(async () => {
      this.#recentTimer = undefined
      try {
        this.#publisher?.set({ kind: 'network' }, { recent: await this.#recent() })
      } catch (error) {
        this.#ports.log.warn('room.recent_failed', { error })
      }
    }, ROOM_LIMITS.recent_ms)
    this.#recentTimer.unref()
  }
}
