import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import { AUTH_PREFIX, CLIENT_ADDRESS_HEADER, type SignIn } from '../accounts/sign-in.ts'
import { readJsonText } from './body.ts'
import { HTTP_LIMITS } from './limits.ts'

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

/**
 * Hands a request to Better Auth. Its bodies are read here: with a limit, as JSON only.
 * @param origin the site's public origin, whatever name the request came under
 * @throws ForgeError NOT_FOUND for a path that is not served
 */
export async function serveAuth(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  ports: { readonly signIn: SignIn; readonly origin: string; readonly clientAddress: string },
): Promise<void> {
  const route = `${request.method} /${path.slice(AUTH_PREFIX.length)}`
  if (!AUTH_ROUTES.some((served) => served === route)) {
    throw new ForgeError('NOT_FOUND', 'sign-in has no such path')
  }
  const headers = new Headers({ [CLIENT_ADDRESS_HEADER]: ports.clientAddress })
  for (const name of ['cookie', 'origin', 'user-agent'] as const) {
    const value = request.headers[name]
    if (value !== undefined) headers.set(name, value)
  }
  const hasBody = request.method === 'POST'
  if (hasBody) headers.set('content-type', 'application/json')
  const answer = await ports.signIn.handle(
    new Request(new URL(request.url ?? path, ports.origin), {
      method: request.method ?? 'GET',
      headers,
      ...(hasBody ? { body: await bodyOf(request) } : {}),
    }),
  )
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

/** A POST without a body, such as a sign-out, means an empty object. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const isEmpty =
    request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0
  return isEmpty ? '{}' : readJsonText(request, HTTP_LIMITS.auth_body_bytes)
}
