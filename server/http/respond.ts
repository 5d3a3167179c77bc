import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ForgeError } from '../../kernel/errors.ts'
import { discardBody } from './body.ts'

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': text.length,
    'cache-control': 'no-store',
  })
  response.end(text)
}

/** `{"error": ForgeErrorJson}` with the code's status. What remains of the body is thrown away within bounds. */
export async function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: ForgeError,
  status: number = error.status,
): Promise<void> {
  if (response.headersSent) {
    response.destroy()
    return
  }
  if (!request.complete) {
    response.setHeader('connection', 'close')
    await discardBody(request)
  }
  const isPassing = error.code === 'RATE_LIMITED' || error.code === 'UNAVAILABLE'
  if (isPassing && !response.hasHeader('retry-after')) response.setHeader('retry-after', '1')
  sendJson(response, status, { error: error.toJSON() })
}
