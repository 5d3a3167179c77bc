import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import { type Action, authorise } from '../core/authorise.ts'
import type { ApiContext } from '../trpc/context.ts'
import type { ClientAddress } from './client-address.ts'
import type { BlobRoutes } from './rest-blobs.ts'
import { sendStatement } from './rest-credits.ts'
import { embedAsked, embedConsent, embedStop } from './rest-embed.ts'
import { sendEvidence, sendPublicRecords } from './rest-evidence.ts'
import { executeOp, getJob, steerJob } from './rest-jobs.ts'

export interface RestExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly context: ApiContext
  readonly blobs: BlobRoutes
  readonly clientAddress: ClientAddress
}

interface RestRoute {
  /** HEAD is served as GET, without the body. */
  readonly method: 'GET' | 'POST' | 'PUT'
  /** For people: `/api/v0/jobs/{id}`. */
  readonly path: string
  readonly pattern: RegExp
  /** Decided before anything of the request is looked at. */
  readonly action: Action
  /** @param part the first group of the pattern */
  serve(exchange: RestExchange, part: string): Promise<void>
}

const BLOB = { path: '/api/v0/blobs/{sha256}', pattern: /^\/api\/v0\/blobs\/([0-9a-f]{64})$/ } as const

/** REST, all of it. */
export const REST_ROUTES: readonly RestRoute[] = [
  {
    method: 'POST',
    path: '/api/v0/ops/execute',
    pattern: /^\/api\/v0\/ops\/execute$/,
    action: 'jobs.submit',
    serve: ({ request, response, context }) => executeOp(request, response, context),
  },
  {
    method: 'GET',
    path: '/api/v0/jobs/{id}',
    pattern: /^\/api\/v0\/jobs\/([^/]{1,64})$/,
    action: 'jobs.read',
    serve: ({ response, context }, id) => getJob(id, response, context),
  },
  {
    method: 'GET',
    path: '/api/v0/jobs/{id}/evidence',
    pattern: /^\/api\/v0\/jobs\/([^/]{1,64})\/evidence$/,
    action: 'jobs.read',
    serve: ({ request, response, context }, id) => sendEvidence(id, request, response, context),
  },
  ...(['pause', 'resume', 'cancel'] as const).map(
    (verb): RestRoute => ({
      method: 'POST',
      path: `/api/v0/jobs/{id}/${verb}`,
      pattern: new RegExp(`^/api/v0/jobs/([^/]{1,64})/${verb}$`),
      action: verb === 'cancel' ? 'jobs.cancel' : 'jobs.steer',
      serve: ({ response, context }, id) => steerJob(verb, id, response, context),
    }),
  ),
  {
    method: 'GET',
    path: '/api/v0/records',
    pattern: /^\/api\/v0\/records$/,
    action: 'jobs.list_public',
    serve: ({ request, response, context }) => sendPublicRecords(request, response, context),
  },
  {
    method: 'GET',
    path: '/api/v0/credits/statement.csv',
    pattern: /^\/api\/v0\/credits\/statement\.csv$/,
    action: 'credits.read',
    serve: ({ request, response, context }) => sendStatement(request, response, context),
  },
  {
    ...BLOB,
    method: 'GET',
    action: 'blobs.read',
    serve: ({ request, response, context, blobs }, digest) =>
      blobs.get(request, response, context.actor, digest),
  },
  {
    ...BLOB,
    method: 'PUT',
    action: 'blobs.write',
    serve: ({ request, response, context, blobs }, digest) =>
      blobs.put(request, response, context.actor, digest),
  },
  {
    method: 'POST',
    path: '/api/v0/embed/asked',
    pattern: /^\/api\/v0\/embed\/asked$/,
    action: 'embed.visit',
    serve: embedAsked,
  },
  {
    method: 'POST',
    path: '/api/v0/embed/consent',
    pattern: /^\/api\/v0\/embed\/consent$/,
    action: 'embed.visit',
    serve: embedConsent,
  },
  {
    method: 'POST',
    path: '/api/v0/embed/stop',
    pattern: /^\/api\/v0\/embed\/stop$/,
    action: 'embed.visit',
    serve: embedStop,
  },
]

/** @throws ForgeError NOT_FOUND for a path or method that there is none of, and whatever the route throws */
export async function serveRest(exchange: RestExchange, path: string): Promise<void> {
  const { request, response, context } = exchange
  const routes = REST_ROUTES.filter(({ pattern }) => pattern.test(path))
  if (routes.length === 0) {
    const paths = REST_ROUTES.map((route) => `${route.method} ${route.path}`)
    throw new ForgeError('NOT_FOUND', 'the API has no such path', { hint: `${paths.join(', ')}.` })
  }
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes.find((candidate) => candidate.method === method)
  if (route === undefined) {
    // 404 for a path that exists, with `Allow`: the method is part of what was asked for.
    const allow = routes.flatMap((one) => (one.method === 'GET' ? ['GET', 'HEAD'] : [one.method])).join(', ')
    response.setHeader('allow', allow)
    throw new ForgeError('NOT_FOUND', 'this path has no such method', { hint: `Use ${allow}.` })
  }
  authorise(context.actor, route.action)
  await route.serve(exchange, route.pattern.exec(path)?.[1] ?? '')
}
