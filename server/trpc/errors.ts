import { TRPCError } from '@trpc/server'
import { z } from 'zod'
import { schemaError } from '../../kernel/contract.ts'
import { ForgeError } from '../../kernel/errors.ts'

/** Between the project's one error type and tRPC's. */

type TrpcCode = ConstructorParameters<typeof TRPCError>[0]['code']

const TRPC_CODES: Readonly<Record<number, TrpcCode>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  402: 'PAYMENT_REQUIRED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  422: 'UNPROCESSABLE_CONTENT',
  428: 'PRECONDITION_REQUIRED',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
}

/** Keeps the ForgeError as the cause, from which the error formatter takes what clients see. */
export function toTrpcError(error: ForgeError): TRPCError {
  return new TRPCError({
    code: TRPC_CODES[error.status] ?? 'INTERNAL_SERVER_ERROR',
    message: error.message,
    cause: error,
  })
}

/**
 * What a client may know of any failure. Errors that are not ours become INTERNAL without their words: those may
 * name tables, paths or secrets, and belong in the log.
 */
export function toForgeError(error: unknown): ForgeError {
  if (error instanceof ForgeError) return error
  if (error instanceof TRPCError) {
    if (error.cause instanceof ForgeError) return error.cause
    if (error.cause instanceof z.ZodError) return schemaError(error.cause, 'MESSAGE_INVALID')
    switch (error.code) {
      case 'NOT_FOUND':
      case 'METHOD_NOT_SUPPORTED':
        return new ForgeError('NOT_FOUND', error.message)
      case 'PAYLOAD_TOO_LARGE':
        return new ForgeError('TOO_LARGE', error.message)
      case 'UNSUPPORTED_MEDIA_TYPE':
        return new ForgeError('UNSUPPORTED_MEDIA_TYPE', error.message, { hint: 'Send application/json.' })
      case 'PARSE_ERROR':
        return new ForgeError('JSON_INVALID', error.message)
      case 'BAD_REQUEST':
        return new ForgeError('MESSAGE_INVALID', error.message)
      case 'CLIENT_CLOSED_REQUEST':
        return new ForgeError('CANCELLED', 'the client closed the request')
      default:
    }
  }
  return new ForgeError('INTERNAL', 'something went wrong in the server', {
    hint: 'Try again; if it persists, the log of the server says more.',
    cause: error,
  })
}
