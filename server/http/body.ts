import type { IncomingMessage } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import { HTTP_LIMITS } from './limits.ts'

/**
 * Reads a JSON body as text. It is not parsed here: the strict parser wants the text.
 * @throws ForgeError UNSUPPORTED_MEDIA_TYPE | TOO_LARGE | JSON_INVALID (not UTF-8) | CANCELLED
 */
export async function readJsonText(request: IncomingMessage, max_bytes: number): Promise<string> {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';')
  const charset = parameters
    .map((parameter) => parameter.trim().toLowerCase())
    .find((p) => p.startsWith('charset='))
  const isJson = type.trim().toLowerCase() === 'application/json'
  if (!isJson || (charset !== undefined && !/^charset="?utf-8"?$/.test(charset))) {
    throw new ForgeError(
      'UNSUPPORTED_MEDIA_TYPE',
      `the content type is ${JSON.stringify(type.slice(0, 60))}`,
      {
        hint: 'Send content-type: application/json, in UTF-8.',
      },
    )
  }
  assertPlainEncoding(request)
  const bytes = await readBytes(request, max_bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new ForgeError('JSON_INVALID', 'the body is not UTF-8', {
      hint: 'Send one JSON object in UTF-8.',
      cause,
    })
  }
}

/** @throws ForgeError UNSUPPORTED_MEDIA_TYPE for a compressed body */
export function assertPlainEncoding(request: IncomingMessage): void {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ForgeError('UNSUPPORTED_MEDIA_TYPE', `a body in ${encoding.slice(0, 40)} encoding`, {
      hint: 'Send the body uncompressed.',
    })
  }
}

async function readBytes(request: IncomingMessage, max_bytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length_bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length_bytes += chunk.length
      // What is over the limit is thrown away, not kept; the sender can then read the answer.
      if (length_bytes <= max_bytes) chunks.push(chunk)
      else if (length_bytes > max_bytes + HTTP_LIMITS.discard_bytes) break
    }
  } catch (cause) {
    throw new ForgeError('CANCELLED', 'the client closed the connection', { cause })
  }
  if (length_bytes > max_bytes) {
    throw new ForgeError('TOO_LARGE', `the body has more than ${max_bytes} bytes`, {
      hint: 'Put large operands into blobs: PUT /api/v0/blobs/<sha256>.',
    })
  }
  return Buffer.concat(chunks)
}

/**
 * Lets a client that is still sending finish, within bounds of bytes and time, so that it reads the answer instead of
 * a reset. The connection is to be closed after the answer.
 */
export function discardBody(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let left_bytes: number = HTTP_LIMITS.discard_bytes
    const done = (): void => {
      clearTimeout(timer)
      request.off('data', count)
      request.pause()
      resolve()
    }
    const count = (chunk: Buffer): void => {
      left_bytes -= chunk.length
      if (left_bytes < 0) done()
    }
    // A client may wait for the answer before it sends the rest.
    const timer = setTimeout(done, HTTP_LIMITS.discard_ms)
    request.once('end', done)
    request.once('close', done)
    request.once('error', done)
    request.on('data', count)
    if (request.destroyed || request.readableEnded) done()
  })
}
