import type { ForgeError } from '../kernel/errors.ts'
import type { EnrolOutput } from '../kernel/protocol.ts'

/** What the session tells its agent. */
export type SessionEvent =
  | { readonly t: 'connecting' }
  | { readonly t: 'live'; readonly enrolment: EnrolOutput }
  | { readonly t: 'waiting'; readonly error: ForgeError; readonly retry_ms: number }
  | { readonly t: 'started'; readonly op: string; readonly first: number; readonly count: number }
  | { readonly t: 'shard'; readonly work_units: number }
  | { readonly t: 'returned'; readonly count: number; readonly elapsed_ms: number; readonly held: boolean }
  | {
      readonly t: 'dropped'
      readonly reason: string /** It was being executed. */
      readonly running: boolean
    }
  | { readonly t: 'accepted'; readonly shards: number }
  | { readonly t: 'rejected'; readonly reason: string }
  | { readonly t: 'lease_failed'; readonly error: ForgeError }
