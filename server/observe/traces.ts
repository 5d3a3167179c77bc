import { createHash, randomBytes } from 'node:crypto'
import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type IdGenerator,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import type { HubEffect, HubEvent } from '../hub/core/events.ts'
import type { HubTap } from '../hub/tap.ts'

/**
 * A job's way as an OpenTelemetry trace: `job`, in it sampled shards from lease to commit, then the record and the ledger.
 * The trace's id is the job's id, so every server of a cluster adds to the same trace and nobody has to hand a context on.
 */

export const TRACE_LIMITS = {
  /** Leases followed at once, and begun in a second: the first shard of each stands for the lease. */
  leases_open: 256,
  leases_per_s: 20,
  jobs_open: 4096,
  /** Ended spans that wait for the collector; more are dropped. */
  queue: 4096,
  export_timeout_ms: 10_000,
} as const

interface OpenJob {
  readonly span: Span
  readonly context: Context
  readonly shards: OpenShard[]
  settling: Span | undefined
}

/** One shard on its way. `stage` is the span of what it waits for now. */
interface OpenShard {
  readonly lease_id: string
  readonly shard: number
  readonly span: Span
  readonly context: Context
  stage: Span
  step: 'lease' | 'verification' | 'commit'
}

export interface TraceOptions {
  readonly exporter: SpanExporter
  readonly service: string
  /** The job of a lease: messages to agents do not name it. */
  jobOf(lease_id: string): string | undefined
  /** Monotonic milliseconds; paces sampling. */
  readonly now_ms?: () => number
}

export class JobTraces implements HubTap {
  readonly #provider: BasicTracerProvider
  readonly #ids = new JobIds()
  readonly #tracer
  readonly #now_ms: () => number
  readonly #jobOf: TraceOptions['jobOf']
  readonly #jobs = new Map<string, OpenJob>()
  readonly #byLease = new Map<string, { readonly job: OpenJob; readonly shard: OpenShard }>()
  #second = 0
  #begun = 0

  constructor(options: TraceOptions) {
    this.#now_ms = options.now_ms ?? (() => performance.now())
    this.#jobOf = options.jobOf
    this.#provider = new BasicTracerProvider({
      idGenerator: this.#ids,
      sampler: new AlwaysOnSampler(),
      resource: resourceFromAttributes({ 'service.name': options.service }),
      spanProcessors: [
        new BatchSpanProcessor(options.exporter, {
          maxQueueSize: TRACE_LIMITS.queue,
          exportTimeoutMillis: TRACE_LIMITS.export_timeout_ms,
        }),
      ],
    })
    this.#tracer = this.#provider.getTracer('forge-pool')
  }

  heard(event: HubEvent): void {
    switch (event.t) {
      case 'job.admitted': {
        const { id, shard_count, verify } = event.job
        if (this.#jobs.size >= TRACE_LIMITS.jobs_open) return
        this.#ids.next = jobSpan(id)
        const span = this.#tracer.startSpan(
          'job',
          {
            root: true,
            attributes: { 'forge.job_id': id, 'forge.shards': shard_count, 'forge.verify': verify.mode },
          },
          ROOT_CONTEXT,
        )
        this.#jobs.set(id, {
          span,
          context: trace.setSpan(ROOT_CONTEXT, span),
          shards: [],
          settling: undefined,
        })
        break
      }
      case 'result.received': {
        const open = this.#byLease.get(event.lease_id)
        if (open?.shard.step === 'lease') this.#goOn(open.shard, 'verification')
        break
      }
      case 'result.invalid':
        this.#abandon(event.lease_id, event.reason)
        break
      case 'lease.released':
        for (const lease of event.lease_ids) this.#abandon(lease, 'released')
        break
      case 'committed': {
        const job = this.#jobs.get(event.job_id)
        for (const shard of job?.shards.filter(({ step }) => step === 'commit') ?? []) {
          shard.stage.end()
          shard.span.end()
          this.#forget(shard)
        }
        break
      }
      case 'job.settled':
        this.#endJob(event.job_id, 'settled')
        break
      default:
    }
  }

  said(effect: HubEffect): void {
    switch (effect.t) {
      case 'send': {
        const { message } = effect
        if (message.t === 'lease') this.#leased(message.lease_id, message.first, message.count)
        else if (message.t === 'cancel') this.#abandon(message.lease_id, message.reason)
        break
      }
      case 'persist':
        for (const shard of this.#jobs.get(effect.job_id)?.shards ?? []) {
          const run = effect.runs.find(
            ({ first, count }) => shard.shard >= first && shard.shard < first + count,
          )
          if (run === undefined || shard.step === 'commit') continue
          shard.span.setAttributes({ 'forge.accepted_by': run.method, 'forge.copies': run.copies.length })
          this.#goOn(shard, 'commit')
        }
        break
      case 'job.complete': {
        const job = this.#jobs.get(effect.job_id)
        if (job !== undefined) job.settling ??= this.#tracer.startSpan('settlement', {}, job.context)
        break
      }
      case 'job.phase':
        if (effect.phase === 'failed' || effect.phase === 'cancelled' || effect.phase === 'expired')
          this.#endJob(effect.job_id, effect.phase, effect.failure?.message)
        break
      default:
    }
  }

  notHeld(): void {}

  /** A job's record went into the ledger as this entry; the checkpoint that covers it came after. */
  recorded(job_id: string, entry: number, began: Date, appended: Date, published: Date): void {
    const context = trace.setSpanContext(ROOT_CONTEXT, { ...jobSpan(job_id), traceFlags: TraceFlags.SAMPLED })
    const record = this.#tracer.startSpan(
      'record',
      { startTime: began, attributes: { 'forge.job_id': job_id, 'forge.ledger_entry': entry } },
      context,
    )
    record.end(appended)
    this.#tracer.startSpan('checkpoint', { startTime: appended }, context).end(published)
  }

  /** What has ended is sent; what is open stays unsaid. */
  async close(): Promise<void> {
    await this.#provider.shutdown()
  }

  #leased(lease_id: string, first: number, count: number): void {
    const job_id = this.#jobOf(lease_id)
    const job = job_id === undefined ? undefined : this.#jobs.get(job_id)
    if (job === undefined || this.#byLease.size >= TRACE_LIMITS.leases_open || !this.#within()) return
    const span = this.#tracer.startSpan(
      'shard',
      { attributes: { 'forge.shard': first, 'forge.lease_id': lease_id, 'forge.lease_shards': count } },
      job.context,
    )
    const context = trace.setSpan(job.context, span)
    const stage = this.#tracer.startSpan('lease', {}, context)
    const shard: OpenShard = { lease_id, shard: first, span, context, stage, step: 'lease' }
    job.shards.push(shard)
    this.#byLease.set(lease_id, { job, shard })
  }

  #within(): boolean {
    const second = Math.floor(this.#now_ms() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#begun = 0
    }
    return this.#begun++ < TRACE_LIMITS.leases_per_s
  }

  #goOn(shard: OpenShard, step: OpenShard['step']): void {
    shard.stage.end()
    shard.step = step
    shard.stage = this.#tracer.startSpan(step, {}, shard.context)
  }

  /** The lease gave nothing; another one will do the shard. */
  #abandon(lease_id: string, reason: string): void {
    const open = this.#byLease.get(lease_id)
    if (open === undefined) return
    const { shard } = open
    shard.span.setStatus({ code: SpanStatusCode.ERROR, message: reason })
    shard.stage.end()
    shard.span.end()
    this.#forget(shard)
  }

  #forget(shard: OpenShard): void {
    const job = this.#byLease.get(shard.lease_id)?.job
    this.#byLease.delete(shard.lease_id)
    const at = job?.shards.indexOf(shard) ?? -1
    if (at >= 0) job?.shards.splice(at, 1)
  }

  #endJob(job_id: string, state: string, failure?: string): void {
    const job = this.#jobs.get(job_id)
    if (job === undefined) return
    this.#jobs.delete(job_id)
    for (const shard of [...job.shards]) this.#abandon(shard.lease_id, `the job is ${state}`)
    job.settling?.end()
    job.span.setAttribute('forge.state', state)
    if (failure !== undefined) job.span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
    job.span.end()
  }
}

/** Trace and root span of a job: the bytes of its UUID, and eight bytes of their hash. */
function jobSpan(job_id: string): { readonly traceId: string; readonly spanId: string } {
  const traceId = job_id.replaceAll('-', '')
  return { traceId, spanId: createHash('sha256').update(traceId).digest('hex').slice(0, 16) }
}

/** Random ids, but for a job's root span. */
class JobIds implements IdGenerator {
  next: { readonly traceId: string; readonly spanId: string } | undefined

  generateSpanId(): string {
    return this.next?.spanId ?? randomBytes(8).toString('hex')
  }

  /** Called for root spans only, after their span's id. */
  generateTraceId(): string {
    const traceId = this.next?.traceId ?? randomBytes(16).toString('hex')
    this.next = undefined
    return traceId
  }
}
