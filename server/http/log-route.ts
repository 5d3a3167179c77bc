import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import type { EvidenceService } from '../evidence/evidence.ts'
import { sendJson } from './respond.ts'

/** The public ledger, as https://c2sp.org/tlog-tiles serves one below a prefix, and whose keys sign here. */

export const LOG_PREFIX = '/log/'
export const WELL_KNOWN = '/.well-known/forge-pool.json'

const FOR_EVER = 'public, max-age=31536000, immutable'
const SECONDS = 'public, max-age=2'

/** `GET /log/checkpoint`, `/log/tile/…`. @throws ForgeError NOT_FOUND */
export async function serveLog(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  evidence: EvidenceService,
): Promise<void> {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const name = path.slice(LOG_PREFIX.length)
  // Whoever checks the ledger may do so from his own page.
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('cross-origin-resource-policy', 'cross-origin')
  if (isRead && name === 'checkpoint') {
    const head = await evidence.head()
    if (head === undefined)
      throw new ForgeError('NOT_FOUND', 'the ledger is empty', {
        hint: 'It begins with the first settled job.',
      })
    return send(request, response, Buffer.from(head.note), 'text/plain; charset=utf-8', SECONDS)
  }
  const tile = isRead && name.startsWith('tile/') ? await evidence.tile(name) : undefined
  if (tile === undefined)
    throw new ForgeError('NOT_FOUND', 'the ledger has no such file', {
      hint: 'It has checkpoint, tile/<level>/<index> and tile/entries/<index>.',
    })
  send(request, response, Buffer.from(tile), 'application/octet-stream', FOR_EVER)
}

/** `GET /.well-known/forge-pool.json` */
export async function serveIdentity(response: ServerResponse, evidence: EvidenceService): Promise<void> {
  response.setHeader('access-control-allow-origin', '*')
  sendJson(response, 200, { forge_pool: 1, log_prefix: LOG_PREFIX, ...(await evidence.identity()) })
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  type: string,
  cache: string,
): void {
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length, 'cache-control': cache })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}
