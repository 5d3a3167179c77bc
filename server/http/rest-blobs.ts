import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { ForgeError } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { Actor } from '../core/actor.ts'
import type { BlobService, ByteRange } from '../core/blobs.ts'
import { HostCap } from '../core/host-cap.ts'
import { hostKey } from '../core/network-prefix.ts'
import { assertPlainEncoding } from './body.ts'
import type { ClientAddress } from './client-address.ts'
import { HTTP_LIMITS } from './limits.ts'
import type { RateLimits } from './rate-limits.ts'
import { sendError, sendJson } from './respond.ts'

/** `PUT | GET | HEAD /api/v0/blobs/{sha256}`: content-addressed bytes, immutable under their name. */
export class BlobRoutes {
  readonly #blobs: BlobService
  readonly #clientAddress: ClientAddress
  readonly #limits: RateLimits
  readonly #uploads = new HostCap(HTTP_LIMITS.uploads_per_host)

  constructor(blobs: BlobService, clientAddress: ClientAddress, limits: RateLimits) {
    this.#blobs = blobs
    this.#clientAddress = clientAddress
    this.#limits = limits
  }

  /** @throws ForgeError */
  async put(request: IncomingMessage, response: ServerResponse, actor: Actor, digest: string): Promise<void> {
    assertPlainEncoding(request)
    const length = request.headers['content-length']
    const announced_bytes = length === undefined ? undefined : Number(length)
    if (announced_bytes !== undefined && announced_bytes > LIMITS.blob_bytes) {
      throw new ForgeError(
        'TOO_LARGE',
        `a blob of ${announced_bytes} bytes; the limit is ${LIMITS.blob_bytes}`,
      )
    }
    const address = this.#clientAddress(request)
    // An account's uploads have a quota; an agent has none.
    if (actor.kind === 'agent') {
      const kib = Math.ceil((announced_bytes ?? LIMITS.blob_bytes) / 1024)
      await this.#limits.take('tile_kib', hostKey(address), response, kib)
    }
    const leave = this.#uploads.enter(address)
    if (leave === undefined) {
      throw new ForgeError(
        'RATE_LIMITED',
        `more than ${HTTP_LIMITS.uploads_per_host} uploads from one address`,
        {
          hint: 'Wait for some of them to end.',
        },
      )
    }
    try {
      // Leaving the loop early must not destroy the connection: the client is to read why.
      const source = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
      const { bytes } = await this.#blobs.put(actor, digest, source, announced_bytes)
      sendJson(response, 201, { digest, bytes })
    } finally {
      leave()
    }
  }

  /** Whole or one byte range (RFC 9110 section 14). @throws ForgeError NOT_FOUND | FORBIDDEN */
  async get(request: IncomingMessage, response: ServerResponse, actor: Actor, digest: string): Promise<void> {
    const blob = await this.#blobs.open(actor, digest)
    const etag = `"${digest}"`
    response.setHeader('etag', etag)
    response.setHeader('accept-ranges', 'bytes')
    // The bytes never change, but who may read them does: a cache asks again each time and gets 304.
    response.setHeader('cache-control', 'private, no-cache')
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end()
      return
    }
    const range = parseRange(request.headers.range, blob.bytes)
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${blob.bytes}`)
      response.removeHeader('cache-control')
      const error = new ForgeError('ARGS_OUT_OF_RANGE', `the blob has ${blob.bytes} bytes`, { path: 'range' })
      await sendError(request, response, error, 416)
      return
    }
    const length = range === undefined ? blob.bytes : range.end - range.start + 1
    response.setHeader('content-type', 'application/octet-stream')
    response.setHeader('content-disposition', 'attachment')
    response.setHeader('content-length', length)
    if (range !== undefined) {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${range.start}-${range.end}/${blob.bytes}`)
    }
    if (request.method === 'HEAD' || length === 0) {
      response.end()
      return
    }
    await pipeline(blob.read(range), response)
  }
}

/** @returns undefined when the header is absent or not a single byte range, which means the whole (RFC 9110, 14.2) */
export function parseRange(
  header: string | undefined,
  size_bytes: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const suffix = Math.min(Number(last), size_bytes)
    return suffix === 0 ? 'unsatisfiable' : { start: size_bytes - suffix, end: size_bytes - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size_bytes - 1 : Math.min(Number(last), size_bytes - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size_bytes ? 'unsatisfiable' : { start, end }
}
