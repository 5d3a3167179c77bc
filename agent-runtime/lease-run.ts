import { sha256Each } from '../kernel/digest.ts'
import { ForgeError, invariant } from '../kernel/errors.ts'
import { LIMITS } from '../kernel/limits.ts'
import { merkleRootOfDigests } from '../kernel/merkle.ts'
import type { LeaseMessage } from '../kernel/protocol.ts'
import { type Clock, throwIfAborted } from './clock.ts'
import { leafDigest } from './leaf-digest.ts'
import type { LeaseJob } from './lease-jobs.ts'
import { AGENT_LIMITS } from './limits.ts'

/** What a finished lease returns to the hub, besides the signature. */
export interface LeaseResult {
  /** 32 bytes a shard, in shard order. */
  readonly digests: Uint8Array<ArrayBuffer>
  readonly result_root: Uint8Array<ArrayBuffer>
  /** Inline leaves in shard order; empty when they were uploaded. */
  readonly leaves: Uint8Array<ArrayBuffer>[]
  readonly elapsed_ms: number
}

export interface LeaseRunPorts {
  readonly clock: Clock
  /** Share of the time that may be spent computing, in (0, 1]; read again after each leaf. */
  intensity(): number
  /** Stores a leaf that does not travel inside messages. */
  upload(digest: Uint8Array, leaf: Uint8Array): Promise<void>
  /** Called after each shard. */
  progress(): void
}

/** Work is paid back with rest in pieces of at least this long, so that timers do not dominate. */
const DUTY_PIECE_MS = 40

/**
 * Executes one lease.
 * @throws ForgeError CANCELLED within one dispatch of an abort; EXECUTOR_FAILED; INTERNAL when a leaf of this very
 * executor breaks the op's invariants: such a leaf is not sent
 */
export async function runLease(
  lease: LeaseMessage,
  { job, runner }: LeaseJob,
  ports: LeaseRunPorts,
  signal: AbortSignal,
): Promise<LeaseResult> {
  if (job.planDigest !== lease.plan_digest || lease.first + lease.count > job.plan.shard_count) {
    throw new ForgeError('DIGEST_MISMATCH', 'the lease does not fit the plan of its contract', {
      hint: 'The agent and the hub may be of different versions.',
    })
  }
  const inline = job.plan.leaf.kind === 'inline'
  const startedAt = ports.clock.now()
  const digests = new Uint8Array(32 * lease.count)
  const leaves: Uint8Array<ArrayBuffer>[] = []
  const uploads = new Uploads(ports)
  let done = 0
  let inline_bytes = 0
  let resumedAt = startedAt
  const rests = () => ports.intensity() < 1
  try {
    for await (const { shard, leaf } of runner.run(lease.first, lease.count, signal, rests)) {
      invariant(shard === lease.first + done, 'an executor gives shards in order')
      const wrong = job.checkLeaf(shard, leaf)
      if (wrong !== undefined)
        throw new ForgeError('EXECUTOR_FAILED', `shard ${shard} came out wrong: ${wrong}`)
      const at = done++
      if (inline) {
        leaves.push(new Uint8Array(leaf))
        inline_bytes += leaf.length
        if (inline_bytes > LIMITS.lease_inline_bytes)
          throw new ForgeError('TOO_LARGE', 'the lease is too long for one message')
      } else {
        const digest = await leafDigest(leaf)
        digests.set(digest, 32 * at)
        await uploads.add(digest, leaf)
      }
      ports.progress()
      const busy_ms = ports.clock.now() - resumedAt
      const intensity = ports.intensity()
      if (intensity < 1 && busy_ms >= DUTY_PIECE_MS && done < lease.count) {
        await ports.clock.sleep((busy_ms * (1 - intensity)) / intensity, signal)
        resumedAt = ports.clock.now()
      }
    }
    await uploads.finish()
  } finally {
    uploads.forget()
  }
  throwIfAborted(signal)
  invariant(done === lease.count, 'an executor gives every shard of the lease')
  // Together they take less than half the time.
  if (inline) digests.set(sha256Each(leaves))
  return {
    digests,
    result_root: new Uint8Array(merkleRootOfDigests(digests)),
    leaves,
    elapsed_ms: ports.clock.now() - startedAt,
  }
}

/** Leaf blobs on their way, a few at once, beside the execution. */
class Uploads {
  readonly #ports: LeaseRunPorts
  readonly #open = new Set<Promise<void>>()
  #failure: unknown

  constructor(ports: LeaseRunPorts) {
    this.#ports = ports
  }

  async add(digest: Uint8Array, leaf: Uint8Array): Promise<void> {
    while (this.#open.size >= AGENT_LIMITS.uploads_at_once) await Promise.race(this.#open)
    if (this.#failure !== undefined) throw this.#failure
    const upload: Promise<void> = this.#ports
      .upload(digest, leaf)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#open.delete(upload))
    this.#open.add(upload)
  }

  async finish(): Promise<void> {
    await Promise.all(this.#open)
    if (this.#failure !== undefined) throw this.#failure
  }

  forget(): void {
    this.#open.clear()
  }
}
