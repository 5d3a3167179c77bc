import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { JobListItem, JobPriority, JobState, JobView, QuoteView, Visibility } from '../../kernel/api.ts'
import { assertAvailable, type Dtype } from '../../kernel/contract.ts'
import type { HexDigest } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { EXAMPLE_WORK_UNITS_MAX, EXAMPLES, type ExampleId } from '../../kernel/examples.ts'
import type { OpRegistry, PreparedJob } from '../../kernel/job.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { type JobPrice, jobPrice } from '../../kernel/price.ts'
import type { BlobStat } from '../memory/ports/blobs.ts'
import type { JobFilter, JobRow, JobStore, NewJob } from '../memory/ports/jobs.ts'
import type { RecordStore } from '../memory/ports/records.ts'
import { type Actor, ownerOf } from './actor.ts'
import { type Action, authorise, authoriseOwner, MISSING } from './authorise.ts'
import type { BlobService } from './blobs.ts'
import type { CreditService } from './credits.ts'
import type { HubJobs } from './hub-port.ts'
import {
  correctionView,
  isFinal,
  jobListItem,
  jobResource,
  jobView,
  NO_RECORD,
  quoteView,
  type RecordPlace,
  UNFINISHED_STATES,
} from './job-view.ts'
import { CORE_LIMITS } from './limits.ts'
import type { ReplayDesk } from './replay.ts'

export interface JobService {
  /**
   * What a contract would be: its plan, size and replay key, and whether a record would answer it now. Nothing is stored.
   * @throws ForgeError as `submit` does
   */
  quote(actor: Actor, contract: unknown): Promise<QuoteView>
  /**
   * Stores a job, holds its price and hands it to the hub; or answers it from the record of an earlier job, where one may
   * (server/core/replay.ts). The same idempotency key by the same owner gives the first job back, however it was answered.
   * @throws ForgeError of the contract's checks; INPUT_MISSING, INPUT_INVALID for operands; CREDITS_INSUFFICIENT;
   * CONFLICT when the key was used for another contract
   */
  submit(
    actor: Actor,
    contract: unknown,
    idempotencyKey: string | undefined,
    options?: SubmitOptions,
  ): Promise<{ readonly id: string; readonly created: boolean }>
  /**
   * One example contract for a guest, on credits given for it. Again, it gives the first job back.
   * @throws ForgeError CONFLICT when he has run another example
   */
  runExample(actor: Actor, example: ExampleId): Promise<{ readonly id: string; readonly created: boolean }>
  /** @throws ForgeError NOT_FOUND */
  get(actor: Actor, id: string): Promise<JobView>
  /** The actor's own, newest first. */
  list(actor: Actor, query: PageQuery): Promise<JobPage>
  /** Everybody's public ones, newest first. */
  listPublic(actor: Actor, query: PageQuery): Promise<JobPage>
  /** Whether strangers may see the job. Idempotent. @throws ForgeError NOT_FOUND */
  publish(actor: Actor, id: string, visibility: Visibility): Promise<{ visibility: Visibility }>
  /** Idempotent: a job that has ended stays as it is. @returns the state it is in now */
  cancel(actor: Actor, id: string): Promise<{ state: JobState }>
  /**
   * Gives out no new leases of a job, or again: those under way finish, what comes back is verified, and its time limit goes
   * on. Idempotent. @throws ForgeError NOT_FOUND; CONFLICT when it has ended
   */
  pause(actor: Actor, id: string, isPaused: boolean): Promise<{ paused: boolean }>
  /** How much of its owner's part a job gets. @throws ForgeError NOT_FOUND; CONFLICT when it has ended */
  prioritise(actor: Actor, id: string, priority: JobPriority): Promise<{ priority: JobPriority }>
}

export interface SubmitOptions {
  /** `never`: it is executed, whatever is recorded. */
  readonly replay?: 'allow' | 'never'
  readonly priority?: JobPriority | undefined
}

export interface PageQuery {
  readonly limit: number
  readonly cursor?: string | undefined
}

export interface JobPage {
  readonly items: JobListItem[]
  readonly next_cursor: string | null
}

export interface JobServicePorts {
  readonly records: Pick<RecordStore, 'ofJob' | 'head'>
  readonly ops: OpRegistry
  readonly jobs: JobStore
  readonly blobs: Pick<BlobService, 'open'>
  readonly hub: HubJobs
  readonly replays: ReplayDesk
  readonly credits: Pick<CreditService, 'ready' | 'grant'>
  /** A job has become public or private. */
  readonly visibilityChanged: (id: string, visibility: Visibility) => void
}

/** Idempotency key of a guest's one example. */
const EXAMPLE_KEY = 'example'

const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function createJobService(ports: JobServicePorts): JobService {
  const { ops, jobs, records, blobs, hub, replays, credits, visibilityChanged } = ports
  const prepare = (contract: unknown): PreparedJob => {
    const job = ops.prepare(contract)
    assertAvailable(job.contract)
    if (Buffer.byteLength(job.canonical) > LIMITS.contract_bytes) {
      throw new ForgeError(
        'TOO_LARGE',
        `the contract's canonical form exceeds ${LIMITS.contract_bytes} bytes`,
      )
    }
    return job
  }

  /** @throws ForgeError NOT_FOUND, in the same words for a job that is not there and one that is not the actor's */
  const load = async (actor: Actor, action: Action, id: string): Promise<JobRow> => {
    authorise(actor, action)
    const row = UUID.test(id) ? await jobs.get(id) : undefined
    authorise(actor, action, row === undefined ? MISSING : jobResource(row))
    invariant(row !== undefined, 'a missing job is refused')
    return row
  }

  /** Where the record of a settled job, or the one that answered it, is in the ledger, and what was corrected of it. */
  const placeOf = async (row: JobRow): Promise<RecordPlace> => {
    if (row.state !== 'settled') return NO_RECORD
    const [[entry, ...corrections], head] = await Promise.all([
      records.ofJob(row.replay_of ?? row.id),
      records.head(),
    ])
    if (entry === undefined) return NO_RECORD
    return {
      record: { index: entry.index, published: head !== undefined && head.size > entry.index },
      corrections: corrections.map(correctionView),
    }
  }

  const page = async (filter: JobFilter, { limit, cursor }: PageQuery): Promise<JobPage> => {
    const before = cursor === undefined ? undefined : decodeCursor(cursor)
    const size = Math.min(limit, CORE_LIMITS.jobs_page)
    // One row more than asked tells whether another page exists.
    const rows = await jobs.list({ ...filter, limit: size + 1, ...(before === undefined ? {} : { before }) })
    const shown = rows.slice(0, size)
    const last = shown.at(-1)
    return {
      items: shown.map((row) => jobListItem(row, hub.progress(row.id))),
      next_cursor: rows.length > size && last !== undefined ? encodeCursor(last) : null,
    }
  }

  /** A blob that the submitter may not read is as missing as one that is not there. */
  const operand = async (actor: Actor, digest: HexDigest): Promise<BlobStat | undefined> => {
    try {
      return await blobs.open(actor, digest)
    } catch (error) {
      if (error instanceof ForgeError && error.code === 'NOT_FOUND') return undefined
      throw error
    }
  }

  const checkOperands = async (actor: Actor, job: PreparedJob): Promise<void> => {
    for (const [name, input] of Object.entries(job.contract.inputs)) {
      const expected = input.shape.reduce((product, side) => product * side, DTYPE_BYTES[input.dtype])
      if (expected > LIMITS.blob_bytes) {
        throw new ForgeError('INPUT_INVALID', `the input "${name}" would have ${expected} bytes`, {
          path: `inputs.${name}.shape`,
          hint: `An operand has at most ${LIMITS.blob_bytes} bytes.`,
        })
      }
      const blob = await operand(actor, input.digest)
      if (blob === undefined) {
        throw new ForgeError('INPUT_MISSING', `there is no blob ${input.digest}`, {
          path: `inputs.${name}.digest`,
          hint: `Upload it first: PUT /api/v0/blobs/${input.digest}`,
        })
      }
      if (blob.bytes !== expected) {
        throw new ForgeError(
          'INPUT_INVALID',
          `the blob of "${name}" has ${blob.bytes} bytes, its dtype and shape say ${expected}`,
          { path: `inputs.${name}.shape`, hint: 'Row-major, little-endian, no header, no padding.' },
        )
      }
    }
  }

  const priceOf = ({ plan, contract }: PreparedJob): JobPrice => jobPrice(plan, contract.verify)

  /** Stores a job with its hold and hands it to the hub, or finds the one that has the key. */
  const store = async (
    ownerId: string,
    prepared: PreparedJob,
    price: JobPrice,
    idempotencyKey: string | undefined,
    { replay = 'allow', priority }: SubmitOptions,
  ): Promise<{ readonly job: JobRow; readonly created: boolean }> => {
    const job: NewJob = {
      id: randomUUID(),
      owner_id: ownerId,
      idempotency_key: idempotencyKey,
      contract: prepared.contract,
      canonical: prepared.canonical,
      op: prepared.op,
      contract_hash: prepared.contractHash,
      replay_key: prepared.replayKey,
      plan_digest: prepared.planDigest,
      shard_count: prepared.plan.shard_count,
      work_units: prepared.plan.work_units,
      shard_price: price.shard_price,
      hold: price.credits,
      priority,
    }
    if (replay === 'allow' && (await replays.answer(job, prepared))) {
      const answered = await jobs.get(job.id)
      invariant(answered !== undefined, `job ${job.id} vanished`)
      return { job: answered, created: true }
    }
    const stored = await jobs.insert(job)
    if (stored.created) await hub.admit(stored.job)
    return stored
  }

  return {
    async quote(actor, contract) {
      authorise(actor, 'jobs.quote')
      const prepared = prepare(contract)
      return quoteView(prepared, await replays.find(prepared, ownerOf(actor)))
    },

    async submit(actor, contract, idempotencyKey, options = {}) {
      const { ownerId } = authoriseOwner(actor, 'jobs.submit')
      const prepared = prepare(contract)
      await checkOperands(actor, prepared)
      await credits.ready(actor)
      const { job, created } = await store(ownerId, prepared, priceOf(prepared), idempotencyKey, options)
      if (job.contract_hash !== prepared.contractHash) {
        throw new ForgeError(
          'CONFLICT',
          `this idempotency key belongs to another contract, of job ${job.id}`,
          {
            path: 'idempotency_key',
            hint: 'Use a new key for a new contract.',
          },
        )
      }
      return { id: job.id, created }
    },

    async runExample(actor, example) {
      const { ownerId } = authoriseOwner(actor, 'jobs.run_example')
      const prepared = prepare(EXAMPLES[example].contract)
      invariant(
        prepared.plan.work_units <= EXAMPLE_WORK_UNITS_MAX,
        `the example ${example} is within its cap`,
      )
      const price = priceOf(prepared)
      await credits.grant(ownerId, price.credits, 'example')
      const { job, created } = await store(ownerId, prepared, price, EXAMPLE_KEY, { replay: 'never' })
      if (job.contract_hash !== prepared.contractHash) {
        throw new ForgeError('CONFLICT', 'a guest runs one example', {
          hint: 'Create an account to run more: this one then belongs to it.',
        })
      }
      return { id: job.id, created }
    },

    async get(actor, id) {
      const row = await load(actor, 'jobs.read', id)
      const isOwn = ownerOf(actor) === row.owner_id
      const live = { progress: hub.progress(id), waiting: hub.waiting(id) }
      return jobView(row, ops, live, isOwn, await placeOf(row))
    },

    async list(actor, query) {
      const { ownerId } = authoriseOwner(actor, 'jobs.list')
      return page({ ownerId }, query)
    },

    async listPublic(actor, query) {
      authorise(actor, 'jobs.list_public')
      return page({ visibility: 'public' }, query)
    },

    async publish(actor, id, visibility) {
      await load(actor, 'jobs.publish', id)
      await jobs.setVisibility(id, visibility)
      visibilityChanged(id, visibility)
      return { visibility }
    },

    async cancel(actor, id) {
      const row = await load(actor, 'jobs.cancel', id)
      if (!isFinal(row.state) && !(await hub.cancel(id))) {
        await jobs.transition(id, UNFINISHED_STATES, 'cancelled')
      }
      return { state: (await load(actor, 'jobs.cancel', id)).state }
    },

    async pause(actor, id, isPaused) {
      await load(actor, 'jobs.steer', id)
      if (!(await jobs.setPaused(id, isPaused))) throw ended(isPaused ? 'paused' : 'resumed')
      hub.pause(id, isPaused)
      return { paused: isPaused }
    },

    async prioritise(actor, id, priority) {
      await load(actor, 'jobs.steer', id)
      if (!(await jobs.setPriority(id, priority))) throw ended('given another priority')
      hub.prioritise(id, priority)
      return { priority }
    },
  }
}

function ended(what: string): ForgeError {
  return new ForgeError('CONFLICT', `the job has ended: it cannot be ${what}`)
}

const cursorSchema = z.tuple([z.iso.datetime(), z.string().regex(UUID)])

/** Opaque to clients: base64url of the last row's time and id. */
function encodeCursor(row: JobRow): string {
  return Buffer.from(JSON.stringify([row.created_at.toISOString(), row.id])).toString('base64url')
}

/** @throws ForgeError MESSAGE_INVALID */
function decodeCursor(cursor: string): { created_at: Date; id: string } {
  try {
    const [createdAt, id] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
    return { created_at: new Date(createdAt), id }
  } catch (cause) {
    throw new ForgeError('MESSAGE_INVALID', 'the cursor is not one of ours', {
      path: 'cursor',
      hint: 'Give next_cursor of the page before, unchanged.',
      cause,
    })
  }
}
