import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { jobPrioritySchema } from '../../kernel/api.ts'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { schemaError } from '../../kernel/contract.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { ApiContext } from '../trpc/context.ts'
import { toForgeError } from '../trpc/errors.ts'
import { createCaller } from '../trpc/router.ts'
import { readJsonText } from './body.ts'
import { sendJson } from './respond.ts'

/** REST over the same procedures as tRPC: one contract in, one job out. */

const querySchema = z.strictObject({
  replay: z.enum(['allow', 'never']).default('allow'),
  priority: jobPrioritySchema.optional(),
})

/**
 * `POST /api/v0/ops/execute` with the contract as the body; `Idempotency-Key` makes a repetition harmless. With
 * `?replay=never` it is executed even where the record of an earlier job would answer it; `?priority=low`, `normal` or `high`
 * says how much of its owner's part of the network it gets.
 * @throws ForgeError
 */
export async function executeOp(
  request: IncomingMessage,
  response: ServerResponse,
  context: ApiContext,
): Promise<void> {
  const query = querySchema.safeParse(
    Object.fromEntries(new URLSearchParams((request.url ?? '').split('?')[1] ?? '')),
  )
  if (!query.success) throw schemaError(query.error, 'MESSAGE_INVALID')
  const contract = parseJsonStrict(await readJsonText(request, LIMITS.contract_bytes))
  const key = request.headers['idempotency-key']
  if (Array.isArray(key)) throw new ForgeError('MESSAGE_INVALID', 'two Idempotency-Key headers')
  const input = { contract, ...query.data, ...(key === undefined ? {} : { idempotency_key: key }) }
  const { id, created } = await unwrap(createCaller(context).jobs.submit(input))
  const url = `/api/v0/jobs/${id}`
  response.setHeader('location', url)
  sendJson(response, 202, { id, created, url, page: `/jobs/${id}` })
}

/** `GET /api/v0/jobs/{id}`. @throws ForgeError */
export async function getJob(id: string, response: ServerResponse, context: ApiContext): Promise<void> {
  sendJson(response, 200, await unwrap(createCaller(context).jobs.get({ id })))
}

/** `POST /api/v0/jobs/{id}/pause`, `…/resume` and `…/cancel`, without a body. @throws ForgeError */
export async function steerJob(
  verb: 'pause' | 'resume' | 'cancel',
  id: string,
  response: ServerResponse,
  context: ApiContext,
): Promise<void> {
  const { jobs } = createCaller(context)
  sendJson(response, 200, await unwrap<object>(jobs[verb]({ id })))
}

/** The caller wraps every failure in tRPC's error. */
async function unwrap<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw toForgeError(error)
  }
}
