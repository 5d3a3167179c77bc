import { DISPATCH_WORDS } from '../../kernel/execute/admission.ts'
import { throwIfAborted } from '../clock.ts'
import type { ShardLeaf } from '../executor.ts'
import { failed, type OpenDevice, popScopes } from './device.ts'
import { MAP_MODE_READ } from './flags.ts'
import type { JobBuffers } from './job-buffers.ts'
import {
  invocationsOf,
  nextBurst,
  type Pacer,
  type Position,
  positionAfter,
  type Slice,
  type SliceBounds,
} from './pacing.ts'

interface Submitted {
  /** The last slice of the burst: the others end inside their shards. */
  readonly slice: Slice
  /** Invocations of all its slices. */
  readonly invocations: number
  readonly submittedAt: number
  /** What completion brings: the output's words where the slice closes its shards. */
  readonly done: Promise<{ readonly words: Uint32Array | undefined; readonly doneAt: number }>
}

/**
 * Runs shards `[first, end)` on a device: at most `pacer.depth` dispatches are queued, each read back in the
 * submission that ends its shards. Yields leaves in shard order.
 * @throws ForgeError CANCELLED within one dispatch (where completion is heard in coarse steps: within the few that are
 * queued); EXECUTOR_FAILED with the device's reason
 */
export async function* runOnDevice(
  opened: OpenDevice,
  buffers: JobBuffers,
  pacer: Pacer,
  first: number,
  end: number,
  signal: AbortSignal,
  rests: () => boolean,
): AsyncGenerator<ShardLeaf> {
  const { program } = buffers
  const bounds: SliceBounds = {
    invocations: program.invocations,
    stage_invocations: program.stage_invocations ?? program.invocations,
    workgroup_size: opened.limits.workgroup_size,
    workgroups_per_dimension: opened.limits.workgroups_per_dimension,
    slots: buffers.slots,
  }
  const free = [...buffers.staging]
  const queued: Submitted[] = []
  let at: Position = { shard: first, invocation: 0, shards: 0 }
  let previousDoneAt = 0
  let onLoss: (reason: string) => void = () => {}
  const lost = new Promise<never>((_, reject) => {
    onLoss = (reason) => reject(failed(reason))
  })
  lost.catch(() => undefined)
  opened.lossListeners.add(onLoss)
  if (opened.lost !== undefined) onLoss(opened.lost)
  try {
    while (at.shard < end || queued.length > 0) {
      while (at.shard < end && queued.length < (rests() ? 1 : pacer.depth)) {
        throwIfAborted(signal)
        const burst = nextBurst(at, end, pacer.invocations, bounds)
        queued.push(submit(opened, buffers, burst, free))
        at = positionAfter(burst[burst.length - 1] as Slice)
      }
      const oldest = queued.shift()
      if (oldest === undefined) break
      const { words, doneAt } = await Promise.race([oldest.done, lost])
      const { slice } = oldest
      pacer.record(oldest.invocations, Math.max(oldest.submittedAt, previousDoneAt), doneAt)
      previousDoneAt = doneAt
      throwIfAborted(signal)
      if (words === undefined) continue
      for (let row = 0; row < slice.shards; row++) {
        const shard = slice.first_shard + row
        const slot = words.subarray(row * program.slot_words, (row + 1) * program.slot_words)
        yield { shard, leaf: program.leaf(shard, slot) }
      }
    }
  } finally {
    // What is still queued cannot be recalled, but the buffers may be used again only after it.
    await Promise.allSettled(queued.map((entry) => Promise.race([entry.done, lost])))
    opened.lossListeners.delete(onLoss)
  }
}

/** Puts a burst on the device's queue, which keeps the order; only the end of the last slice is listened for. */
function submit(
  opened: OpenDevice,
  buffers: JobBuffers,
  burst: readonly Slice[],
  free: GPUBuffer[],
): Submitted {
  const { device } = opened
  const slice = burst[burst.length - 1] as Slice
  const used_bytes = slice.shards * buffers.slot_bytes
  const submittedAt = performance.now()
  device.pushErrorScope('out-of-memory')
  device.pushErrorScope('validation')
  for (const earlier of burst.slice(0, -1)) dispatch(opened, buffers, earlier, undefined)
  const staging = slice.closes ? free.pop() : undefined
  dispatch(opened, buffers, slice, staging)
  const mapped = staging?.mapAsync(MAP_MODE_READ, 0, used_bytes) ?? device.queue.onSubmittedWorkDone()
  const scopes = popScopes(device)
  const invocations = burst.reduce((sum, one) => sum + invocationsOf(one), 0)

  const done = (async () => {
    const [mapping, fault] = await Promise.allSettled([mapped, scopes])
    const doneAt = performance.now()
    if (fault.status === 'fulfilled' && fault.value !== undefined) {
      if (mapping.status === 'fulfilled') staging?.unmap()
      throw failed(fault.value)
    }
    if (mapping.status === 'rejected') throw failed('the result could not be read', mapping.reason)
    if (fault.status === 'rejected') throw failed('the device gave no answer', fault.reason)
    if (staging === undefined) return { words: undefined, doneAt }
    const copy = new Uint32Array(staging.getMappedRange(0, used_bytes).slice(0))
    staging.unmap()
    free.push(staging)
    return { words: copy, doneAt }
  })()
  // A rejection is read when the entry's turn comes; until then it is not unhandled.
  done.catch(() => undefined)
  return { slice, invocations, submittedAt, done }
}

/** One slice: its words written, the output cleared before its shards begin, copied to `staging` when they end. */
function dispatch(
  { device, limits }: OpenDevice,
  buffers: JobBuffers,
  slice: Slice,
  staging: GPUBuffer | undefined,
): void {
  const used_bytes = slice.shards * buffers.slot_bytes
  const words = new Uint32Array(DISPATCH_WORDS)
  words.set([slice.first_invocation, slice.end_invocation, slice.first_shard, buffers.program.slot_words])
  device.queue.writeBuffer(buffers.uniform, 0, words)
  const encoder = device.createCommandEncoder()
  if (slice.opens) encoder.clearBuffer(buffers.output, 0, used_bytes)
  const pass = encoder.beginComputePass()
  pass.setPipeline(buffers.compiled.pipeline)
  pass.setBindGroup(0, buffers.group)
  const invocations = slice.end_invocation - slice.first_invocation
  pass.dispatchWorkgroups(Math.ceil(invocations / limits.workgroup_size), slice.shards)
  pass.end()
  if (staging !== undefined) encoder.copyBufferToBuffer(buffers.output, 0, staging, 0, used_bytes)
  device.queue.submit([encoder.finish()])
}
