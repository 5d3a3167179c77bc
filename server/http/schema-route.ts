import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { ForgeError } from '../../kernel/errors.ts'

/** JSON Schemas of contracts, leases, receipts, records and evidence, for whoever writes against the specification. */

export const SCHEMA_PREFIX = '/schemas/'

const FILE = /^[a-z]+\.v[1-9][0-9]*\.json$/

/** The files by name: few, small, and kept in memory. */
export async function loadSchemas(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = (await readdir(folder)).filter((name) => FILE.test(name))
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name))] as const)),
  )
}

/** `GET /schemas/record.v1.json`. @throws ForgeError NOT_FOUND */
export function serveSchema(
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  schemas: ReadonlyMap<string, Buffer>,
): void {
  const bytes = schemas.get(name)
  if (bytes === undefined)
    throw new ForgeError('NOT_FOUND', 'there is no such schema', {
      hint: `There are ${[...schemas.keys()].sort().join(', ')}.`,
    })
  response.writeHead(200, {
    'content-type': 'application/schema+json',
    'content-length': bytes.length,
    'cache-control': 'public, max-age=3600',
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
  })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}
