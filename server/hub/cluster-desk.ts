import { z } from 'zod'
import type { NetworkView } from '../../kernel/api.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { ClusterNews, ClusterStore, OwnPart } from '../memory/cluster-store.ts'
import { BUS_MESSAGE_BYTES, type MessageBus } from '../memory/message-bus.ts'
import {
  type BusMessage,
  type HubNews,
  type HubStatus,
  hubNews,
  hubStatus,
  parseBusMessage,
} from './hub-news.ts'
import { type JobPart, jobPart } from './job-part.ts'
import type { HubLog } from './options.ts'

/** The database is asked this often for what the bus may have lost, and up to half as often again, so that hubs spread. */
const POLL_MS = 2000
/** A hub tells of its part in a job at most so often, where the bus carries figures. */
const SHARE_MS = 2000
/** A hub that makes a result has said so after this long. */
const FINISH_GRACE_MS = 3 * POLL_MS

export interface ClusterPorts {
  readonly epoch: number
  readonly store: ClusterStore
  readonly bus: MessageBus
  readonly log: HubLog
  /** Jobs that this hub has. */
  jobs(): readonly string[]
  has(jobId: string): boolean
  /** Reads the job and takes it, unless it has ended. */
  admit(jobId: string): Promise<void>
  /** Reads the job and lets it go, if it has ended. */
  letGo(jobId: string): Promise<void>
  /** The queue may have chunks of this job again. */
  chunksAvailable(jobId: string): void
  news(news: HubNews): void
  status(): HubStatus
  /** What this hub has to tell of a job. */
  part(jobId: string): JobPart | undefined
  /** What another hub tells of a job. */
  heard(jobId: string, epoch: number, part: JobPart, isThere: boolean): void
  /** Which other hubs are there. */
  present(epochs: ReadonlySet<number>): void
}

/**
 * What a hub knows of the others of its store. The bus tells it at once; the database, asked every few seconds, tells all of
 * it again, so a lost message delays and changes nothing.
 */
export class ClusterDesk {
  readonly #ports: ClusterPorts
  readonly #unsubscribe: () => void
  #others = new Map<number, HubStatus>()
  /** The latest start that this hub has heard of. */
  #latest: number
  /** What each hub that started before this one had accepted and settled when it was first heard of. */
  readonly #before = new Map<number, Pick<HubStatus, 'shards_accepted' | 'jobs_settled'>>()
  /** Totals of others, by epoch: they stay when a hub goes. */
  readonly #totals = new Map<number, Pick<HubStatus, 'shards_accepted' | 'jobs_settled'>>()
  /** When this hub first saw that a job is drained which another one has drained. */
  readonly #drained = new Map<string, number>()
  readonly #changed = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #shareTimer: ReturnType<typeof setTimeout> | undefined
  #polling: Promise<void> = Promise.resolve()
  #closed = false

  constructor(ports: ClusterPorts) {
    this.#ports = ports
    this.#latest = ports.epoch
    this.#unsubscribe = ports.bus.subscribe((text) => this.#hear(text))
  }

  /** Tells the others; what they do not hear they find in the database. */
  tell(said: BusMessage['said']): void {
    const text = JSON.stringify({ from: this.#ports.epoch, said } satisfies BusMessage)
    if (Buffer.byteLength(text) <= BUS_MESSAGE_BYTES) this.#ports.bus.publish(text)
  }

  /** The job's figures here have changed: the others hear of it within two seconds, or find it with two of the next polls. */
  changed(jobId: string): void {
    this.#changed.add(jobId)
    if (this.#closed || this.#others.size === 0 || !this.#ports.bus.carriesFigures) return
    this.#shareTimer ??= setTimeout(() => this.#tellParts(), SHARE_MS).unref()
  }

  #tellParts(): void {
    this.#shareTimer = undefined
    for (const job_id of this.#changed) {
      const part = this.#ports.part(job_id)
      if (part !== undefined) this.tell({ t: 'part', job_id, part })
    }
  }

  /**
   * Whether this hub is to make the result of a job that was drained by another one. Whoever has done the last chunk
   * makes it, and says so; if he is gone, somebody else does.
   */
  mayFinish(jobId: string, now_ms: number): boolean {
    if (this.#others.size === 0) return true
    for (const { finishing } of this.#others.values()) if (finishing.includes(jobId)) return false
    const since = this.#drained.get(jobId)
    if (since === undefined) this.#drained.set(jobId, now_ms)
    return since !== undefined && now_ms - since >= FINISH_GRACE_MS
  }

  /** Whether another hub is there, of which it is known that it has started; one so new that nobody told of it is asked for. */
  async isThere(epoch: number): Promise<boolean> {
    if (epoch > this.#latest && !this.#others.has(epoch)) {
      await this.poll()
      this.#latest = Math.max(this.#latest, epoch)
    }
    return this.#others.has(epoch)
  }

  /** Whether that is another hub which was there when the database was last asked. */
  has(epoch: number): boolean {
    return this.#others.has(epoch)
  }

  forget(jobId: string): void {
    this.#drained.delete(jobId)
    this.#changed.delete(jobId)
  }

  /** Asks the database now, and from then on by itself. */
  poll(): Promise<void> {
    clearTimeout(this.#timer)
    this.#polling = this.#polling
      .then(() => (this.#closed ? undefined : this.#poll()))
      .catch((error: unknown) => {
        if (!this.#closed)
          this.#ports.log('warn', 'the other hubs cannot be asked for', { error: String(error) })
      })
      .finally(() => {
        clearTimeout(this.#timer)
        if (!this.#closed)
          this.#timer = setTimeout(() => void this.poll(), POLL_MS * (1 + Math.random() / 2)).unref()
      })
    return this.#polling
  }

  /** @param leaves false when the process only stops, as if it were killed */
  async close(leaves = true): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#shareTimer)
    this.#unsubscribe()
    await this.#polling
    if (!leaves) return
    try {
      await this.#ports.store.leave(this.#ports.epoch, this.#parts([...this.#changed]))
    } catch (error) {
      this.#ports.log('warn', 'the other hubs could not be told that this one stops', {
        error: String(error),
      })
    }
  }

  /** Sockets of other hubs that take agents, those with the fewest first. */
  addresses(): readonly string[] {
    const hubs = [...this.#others.values()].sort((a, b) => a.agents - b.agents)
    return hubs.flatMap(({ address }) => address ?? []).slice(0, LIMITS.hub_addresses)
  }

  /** The network's figures with those of the other hubs. */
  sum(own: NetworkView): NetworkView {
    const sum = { ...own, agents_by_executor: { ...own.agents_by_executor } }
    for (const other of this.#others.values()) {
      sum.agents += other.agents
      sum.owners += other.owners
      sum.shards_per_s += other.shards_per_s
      for (const kind of ['webgpu', 'wasm', 'cpu'] as const)
        sum.agents_by_executor[kind] += other.agents_by_executor[kind]
    }
    for (const [epoch, { shards_accepted, jobs_settled }] of this.#totals) {
      sum.shards_accepted += shards_accepted - (this.#before.get(epoch)?.shards_accepted ?? 0)
      sum.jobs_settled += jobs_settled - (this.#before.get(epoch)?.jobs_settled ?? 0)
    }
    return sum
  }

  #hear(text: string): void {
    const message = parseBusMessage(text)
    const { epoch, admit, letGo, chunksAvailable, heard, has } = this.#ports
    if (message === undefined || message.from === epoch || this.#closed) return
    const { said } = message
    switch (said.t) {
      case 'job.new':
        void this.#attempt(() => admit(said.job_id))
        return
      case 'job.ended':
        void this.#attempt(() => letGo(said.job_id))
        return
      case 'chunks.available':
        chunksAvailable(said.job_id)
        return
      case 'news':
        void this.#attempt(async () => this.#follow(await this.#ports.store.news()))
        return
      case 'part':
        if (has(said.job_id)) heard(said.job_id, message.from, said.part, true)
        return
      default:
        said satisfies never
    }
  }

  /** What fails is found by the next poll. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#ports.log('warn', 'a message of another hub could not be followed', { error: String(error) })
    }
  }

  async #poll(): Promise<void> {
    const { store, epoch, status, jobs } = this.#ports
    const known = jobs()
    const changed = [...this.#changed]
    this.#changed.clear()
    let heard: ClusterNews
    try {
      heard = await store.poll(epoch, status(), this.#parts(changed))
    } catch (error) {
      for (const job_id of changed) this.#changed.add(job_id)
      throw error
    }
    this.#meet(heard.hubs)
    this.#follow(heard.news)
    this.#readParts(heard.parts)
    await this.#compareJobs(known, new Set(heard.unfinished))
  }

  #parts(jobs: readonly string[]): readonly OwnPart[] {
    return jobs.flatMap((job_id) => {
      const part = this.#ports.part(job_id)
      return part === undefined ? [] : [{ job_id, part }]
    })
  }

  #meet(hubs: ClusterNews['hubs']): void {
    const { epoch, present } = this.#ports
    const others = new Map<number, HubStatus>()
    for (const hub of hubs) {
      const parsed = hubStatus.safeParse(hub.status)
      // A hub of another version says something else, and counts for nothing here.
      if (!parsed.success) continue
      others.set(hub.epoch, parsed.data)
      // What a later hub has done, it has done since this one started.
      if (hub.epoch < epoch && !this.#before.has(hub.epoch)) this.#before.set(hub.epoch, parsed.data)
      this.#totals.set(hub.epoch, parsed.data)
    }
    this.#others = others
    this.#latest = Math.max(this.#latest, ...others.keys())
    present(new Set(others.keys()))
  }

  #follow(news: ClusterNews['news']): void {
    for (const { body } of news) {
      const parsed = hubNews.safeParse(body)
      if (parsed.success) this.#ports.news(parsed.data)
      else
        this.#ports.log('warn', 'there is news that this version does not know', {
          error: z.prettifyError(parsed.error),
        })
    }
  }

  #readParts(parts: ClusterNews['parts']): void {
    const { heard, has } = this.#ports
    for (const row of parts) {
      if (!has(row.job_id)) continue
      const part = jobPart.safeParse(row.part)
      if (part.success) heard(row.job_id, row.epoch, part.data, this.#others.has(row.epoch))
    }
  }

  /** @param known jobs that were here before the database was asked */
  async #compareJobs(known: readonly string[], unfinished: ReadonlySet<string>): Promise<void> {
    const { has, admit, letGo } = this.#ports
    for (const id of known) if (!unfinished.has(id)) await this.#attempt(() => letGo(id))
    for (const id of unfinished) if (!has(id)) await this.#attempt(() => admit(id))
  }
}
