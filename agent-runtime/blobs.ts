import type { HexDigest } from '../kernel/digest.ts'
import { bytesToHex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { LIMITS } from '../kernel/limits.ts'
import { AGENT_LIMITS } from './limits.ts'

/** Content-addressed bytes at the hub's site. */
export interface BlobTransport {
  /** @throws ForgeError NOT_FOUND, TOO_LARGE, UNAVAILABLE, DIGEST_MISMATCH: the bytes are checked here */
  get(digest: HexDigest, session: string, signal: AbortSignal): Promise<Uint8Array>
  /** Idempotent. @throws ForgeError as the site answers */
  put(digest: HexDigest, bytes: Uint8Array, session: string, signal: AbortSignal): Promise<void>
}

/** @param origin of the site, e.g. `https://pool.example` */
export function httpBlobs(origin: string, doFetch: typeof fetch = fetch): BlobTransport {
  const inSession = (session: string, init: RequestInit = {}): RequestInit => ({
    ...init,
    headers: { authorization: `Forge-Session ${session}`, ...init.headers },
    credentials: 'omit',
  })
  return {
    async get(digest, session, signal) {
      return await checkedBytes(
        await request(doFetch, origin, digest, inSession(session), signal),
        digest,
        signal,
      )
    },
    async put(digest, bytes, session, signal) {
      const headers = { 'content-type': 'application/octet-stream' }
      const init = inSession(session, { method: 'PUT', headers, body: new Uint8Array(bytes) })
      const response = await request(doFetch, origin, digest, init, signal)
      await response.body?.cancel().catch(() => undefined)
    },
  }
}

/**
 * A blob as this page's visitor may read it, with his cookies.
 * @throws ForgeError NOT_FOUND, TOO_LARGE, UNAVAILABLE, DIGEST_MISMATCH: the bytes are checked here
 */
export async function visitorsBlob(
  origin: string,
  digest: HexDigest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const response = await request(fetch, origin, digest, { credentials: 'same-origin' }, signal)
  return await checkedBytes(response, digest, signal)
}

async function request(
  doFetch: typeof fetch,
  origin: string,
  digest: HexDigest,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  let response: Response
  try {
    response = await doFetch(new URL(`/api/v0/blobs/${digest}`, origin), {
      method: 'GET',
      ...init,
      signal: AbortSignal.any([signal, AbortSignal.timeout(AGENT_LIMITS.blob_timeout_ms)]),
      redirect: 'error',
    })
  } catch (cause) {
    if (signal.aborted) throw new ForgeError('CANCELLED', 'stopped', { cause })
    throw new ForgeError('UNAVAILABLE', `the site did not answer for blob ${digest.slice(0, 12)}`, {
      cause,
    })
  }
  if (!response.ok) {
    await response.body?.cancel().catch(() => undefined)
    throw refusal(response.status, digest)
  }
  return response
}

async function checkedBytes(response: Response, digest: HexDigest, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await readAtMost(response, LIMITS.blob_bytes, signal)
  // The native digest is asynchronous: 64 MiB must not hold up the session's messages.
  const actual = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
  if (actual !== digest) {
    throw new ForgeError('DIGEST_MISMATCH', `the site sent other bytes than blob ${digest.slice(0, 12)}`)
  }
  return bytes
}

async function readAtMost(
  response: Response,
  limit_bytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    const reader = response.body?.getReader()
    for (;;) {
      const part = await reader?.read()
      if (part === undefined || part.done) break
      length += part.value.length
      if (length > limit_bytes) {
        await reader?.cancel().catch(() => undefined)
        throw new ForgeError('TOO_LARGE', `a blob of more than ${limit_bytes} bytes`)
      }
      chunks.push(part.value)
    }
  } catch (cause) {
    if (cause instanceof ForgeError) throw cause
    if (signal.aborted) throw new ForgeError('CANCELLED', 'stopped', { cause })
    throw new ForgeError('UNAVAILABLE', 'the transfer of a blob broke off', { cause })
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

function refusal(status: number, digest: HexDigest): ForgeError {
  const blob = `blob ${digest.slice(0, 12)}`
  if (status === 401 || status === 403)
    return new ForgeError('UNAUTHENTICATED', `the site does not know this session (${blob})`)
  if (status === 404) return new ForgeError('NOT_FOUND', `the site has no ${blob}`)
  if (status === 413) return new ForgeError('TOO_LARGE', `the site refused ${blob} as too large`)
  if (status === 422) return new ForgeError('DIGEST_MISMATCH', `the site received other bytes than ${blob}`)
  if (status === 429) return new ForgeError('RATE_LIMITED', 'the site asks this agent to slow down')
  if (status >= 500) return new ForgeError('UNAVAILABLE', `the site answered ${status} for ${blob}`)
  return new ForgeError('MESSAGE_INVALID', `the site answered ${status} for ${blob}`)
}
