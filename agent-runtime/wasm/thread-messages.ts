import type { ForgeErrorJson } from '../../kernel/errors.ts'
import type { ModuleForm } from '../../shaders/modules.ts'

/** Between an agent and the thread that computes for it. Both ends are this program, so nothing is parsed. */

/** To the thread. */
export type ThreadRequest =
  | {
      readonly t: 'prepare'
      readonly job: number
      /** Canonical form of the contract. */
      readonly canonical: string
      readonly form: ModuleForm
      readonly inputs: ReadonlyMap<string, Uint8Array>
    }
  | { readonly t: 'shard'; readonly job: number; readonly shard: number }
  | { readonly t: 'close'; readonly job: number }

/** From the thread: one answer to each `prepare` and each `shard`, in order. */
export type ThreadReply =
  | { readonly t: 'prepared'; readonly job: number }
  | { readonly t: 'leaf'; readonly job: number; readonly shard: number; readonly leaf: Uint8Array }
  | { readonly t: 'failed'; readonly job: number; readonly error: ForgeErrorJson }

/** A thread as the agent holds it: a Web Worker, or a worker thread of Node. */
export interface ComputeThread {
  post(request: ThreadRequest): void
  /** @param died the thread ended by itself: a crash, or its script could not be loaded */
  listen(reply: (reply: ThreadReply) => void, died: (reason: string) => void): void
  terminate(): void
}
