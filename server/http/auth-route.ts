import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { AUTH_PREFIX, CLIENT_ADDRESS_HEADER, type SignIn } from '../accounts/sign-in.ts'
import { hostKey } from '../core/network-prefix.ts'
import { readJsonText } from './body.ts'
import { HTTP_LIMITS } from './limits.ts'
import { addressKey, type RateLimits } from './rate-limits.ts'

/**
 * What of Better Auth is served, by method and path below `/api/auth`. The library has more (social sign-in, account
 * linking, session lists that show tokens); what is not listed does not exist.
 */
export const AUTH_ROUTES = [
  'POST /sign-up/email',
  'POST /sign-in/email',
  'POST /sign-in/anonymous',
  'POST /sign-out',
  'GET /get-session',
  'POST /update-user',
  'POST /change-password',
  'POST /request-password-reset',
  'POST /reset-password',
  'POST /send-verification-email',
  'GET /verify-email',
  'GET /passkey/generate-register-options',
  'POST /passkey/verify-registration',
  'GET /passkey/generate-authenticate-options',
  'POST /passkey/verify-authentication',
  'GET /passkey/list-user-passkeys',
  'POST /passkey/delete-passkey',
  'POST /passkey/update-passkey',
] as const

/** What is counted before a request is served. A failure stays counted; what is marked `failures` is else given back. */
const COUNTED: Readonly<Partial<Record<(typeof AUTH_ROUTES)[number], readonly Counted[]>>> = {
  'POST /sign-up/email': [{ name: 'sign_up' }, { name: 'mail_host' }],
  'POST /sign-in/email': [
    { name: 'sign_in_host', failures: true },
    { name: 'sign_in_address', failures: true },
  ],
  'POST /sign-in/anonymous': [{ name: 'guest' }],
  'POST /change-password': [{ name: 'sign_in_host', failures: true }],
  'POST /passkey/verify-authentication': [{ name: 'sign_in_host', failures: true }],
  'POST /request-password-reset': [{ name: 'mail_host' }, { name: 'mail_address' }],
  'POST /send-verification-email': [{ name: 'mail_host' }, { name: 'mail_address' }],
  'POST /reset-password': [{ name: 'sign_in_host', failures: true }],
}

interface Counted {
  readonly name: 'sign_up' | 'guest' | 'sign_in_host' | 'sign_in_address' | 'mail_host' | 'mail_address'
  readonly failures?: boolean
}

export interface AuthRoutePorts {
  readonly signIn: SignIn
  readonly limits: RateLimits
  /** The site's public origin, whatever name the request came under. */
  readonly origin: string
  readonly clientAddress: string
}

/**
 * Hands a request to Better Auth. Its bodies are read here: with a limit, as JSON only.
 * @throws ForgeError NOT_FOUND for a path that is not served, RATE_LIMITED
 */
export async function serveAuth(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  ports: AuthRoutePorts,
): Promise<void> {
  const route = AUTH_ROUTES.find(
    (served) => served === `${request.method} /${path.slice(AUTH_PREFIX.length)}`,
  )
  if (route === undefined) throw new ForgeError('NOT_FOUND', 'sign-in has no such path')
  const hasBody = request.method === 'POST'
  const body = hasBody ? await bodyOf(request) : undefined
  const counted = (COUNTED[route] ?? []).map((what) => ({
    ...what,
    who: whoOf(what, body, ports.clientAddress),
  }))
  for (const { name, who } of counted) await ports.limits.take(name, who, response)

  const headers = new Headers({ [CLIENT_ADDRESS_HEADER]: ports.clientAddress })
  for (const name of ['cookie', 'origin', 'user-agent'] as const) {
    const value = request.headers[name]
    if (value !== undefined) headers.set(name, value)
  }
  if (hasBody) headers.set('content-type', 'application/json')
  const answer = await ports.signIn.handle(
    new Request(new URL(request.url ?? path, ports.origin), {
      method: request.method ?? 'GET',
      headers,
      ...(body !== undefined && { body }),
    }),
  )
  if (answer.ok) {
    for (const { name, who, failures } of counted)
      if (failures === true) await ports.limits.giveBack(name, who)
  }
  await hand(answer, response)
}

async function hand(answer: Response, response: ServerResponse): Promise<void> {
  for (const [name, value] of answer.headers) {
    if (name !== 'set-cookie') response.setHeader(name, value)
  }
  const cookies = answer.headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.setHeader('cache-control', 'no-store')
  const body = Buffer.from(await answer.arrayBuffer())
  response.writeHead(answer.status, { 'content-length': body.length })
  response.end(body)
}

const addressed = z.object({ email: z.string() })

/** By host, or by the mail address in the body; a body without one is refused later, whoever sends it. */
function whoOf({ name }: Counted, body: string | undefined, clientAddress: string): string {
  if (name !== 'sign_in_address' && name !== 'mail_address') return hostKey(clientAddress)
  const { data } = addressed.safeParse(
    body === undefined ? undefined : parseJsonStrict(body, HTTP_LIMITS.auth_body_bytes),
  )
  return addressKey(data?.email ?? '')
}

/** A POST without a body, such as a sign-out, means an empty object. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const isEmpty =
    request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0
  return isEmpty ? '{}' : readJsonText(request, HTTP_LIMITS.auth_body_bytes)
}
