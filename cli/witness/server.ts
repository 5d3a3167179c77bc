import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CLI_LIMITS } from '../limits.ts'
import type { Witness } from './witness.ts'

export interface WitnessServer {
  /** As it listens, without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

/** Serves a witness over HTTP. @param failed hears what keeps it from answering */
export async function serveWitness(
  witness: Witness,
  { host, port }: { readonly host: string; readonly port: number },
  failed: (error: unknown) => void,
): Promise<WitnessServer> {
  const server = createServer(
    {
      requestTimeout: CLI_LIMITS.witness_request_ms,
      headersTimeout: CLI_LIMITS.witness_request_ms,
      maxHeaderSize: 8 * 1024,
    },
    (request, response) => {
      answer(witness, request, response).catch((error: unknown) => {
        failed(error)
        if (response.headersSent) response.destroy()
        else send(response, 500, 'text/plain; charset=utf-8', 'this witness cannot answer now\n')
      })
    },
  )
  server.maxConnections = CLI_LIMITS.witness_connections
  await listen(server, host, port)
  const { address, port: actual } = server.address() as AddressInfo
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function answer(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = 'text/plain; charset=utf-8'
  if ((request.url ?? '').split('?')[0] !== '/add-checkpoint')
    return send(response, 404, text, 'a witness answers POST /add-checkpoint only\n')
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    return send(response, 405, text, 'use POST\n')
  }
  const body = await readBody(request)
  if (body === undefined) {
    response.setHeader('connection', 'close')
    return send(response, 413, text, `at most ${CLI_LIMITS.witness_body_bytes} bytes\n`)
  }
  if (!isUtf8(body)) return send(response, 400, text, 'the request is not UTF-8\n')
  const { status, type, body: said } = await witness.addCheckpoint(body.toString('utf8'))
  send(response, status, type, said)
}

/** @returns undefined when it is too long */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > CLI_LIMITS.witness_body_bytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
