/**
 * The one error type of the project. Every failure that crosses a boundary is a ForgeError, so that a caller in
 * any layer can show what happened (`message`), where (`path`), what to do (`hint`) and whether to try again.
 */

/** Each code with its HTTP status and whether the same call may succeed later. The only list of codes. */
export const ERROR_CODES = {
  CONTRACT_INVALID: { status: 400, retryable: false },
  JSON_INVALID: { status: 400, retryable: false },
  JSON_DUPLICATE_KEY: { status: 400, retryable: false },
  MESSAGE_INVALID: { status: 400, retryable: false },
  UNKNOWN_OP: { status: 400, retryable: false },
  ARGS_OUT_OF_RANGE: { status: 400, retryable: false },
  INPUT_INVALID: { status: 400, retryable: false },
  INPUT_MISSING: { status: 400, retryable: false },
  NOT_YET_AVAILABLE: { status: 400, retryable: false },
  UNAUTHENTICATED: { status: 401, retryable: false },
  CREDITS_INSUFFICIENT: { status: 402, retryable: false },
  FORBIDDEN: { status: 403, retryable: false },
  NOT_FOUND: { status: 404, retryable: false },
  CONFLICT: { status: 409, retryable: false },
  /** Proof of work is asked for before this call: solve a challenge and call again. */
  CHALLENGE_REQUIRED: { status: 428, retryable: true },
  LEASE_UNKNOWN: { status: 409, retryable: false },
  TOO_LARGE: { status: 413, retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false },
  DIGEST_MISMATCH: { status: 422, retryable: false },
  RATE_LIMITED: { status: 429, retryable: true },
  CANCELLED: { status: 409, retryable: false },
  EXECUTOR_FAILED: { status: 500, retryable: true },
  INTERNAL: { status: 500, retryable: false },
  UNAVAILABLE: { status: 503, retryable: true },
} as const

export type ErrorCode = keyof typeof ERROR_CODES

export interface ForgeErrorInit {
  /** What the reader can do about it, as an imperative sentence. */
  readonly hint?: string | undefined
  /** Path of the offending field, as in `args.volatility`. */
  readonly path?: string | undefined
  readonly cause?: unknown
}

/** What crosses a wire: the error without its cause and stack. */
export interface ForgeErrorJson {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
  readonly path?: string
  readonly retryable: boolean
}

export class ForgeError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly path: string | undefined

  constructor(code: ErrorCode, message: string, init: ForgeErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause })
    this.name = 'ForgeError'
    this.code = code
    this.hint = init.hint
    this.path = init.path
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable
  }

  get status(): number {
    return ERROR_CODES[this.code].status
  }

  /** The part of the error that may leave the process. */
  toJSON(): ForgeErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.path === undefined ? {} : { path: this.path }),
      retryable: this.retryable,
    }
  }
}

/**
 * An assertion that stays on in production: a false condition is a fault of this program, never of its input.
 * @throws ForgeError INTERNAL
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ForgeError('INTERNAL', `invariant broken: ${message}`)
}
