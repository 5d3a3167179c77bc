import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { ForgeError } from '../kernel/errors.ts'
import type { Site } from './http/server.ts'

export interface OpenSite extends Site {
  close(): Promise<void>
}

/**
 * The pages: Next, mounted in this process.
 * @throws ForgeError UNAVAILABLE when the site is not built (production only)
 */
export async function openSite(options: {
  readonly root: string
  readonly dev: boolean
  readonly host: string
  readonly port: number
}): Promise<OpenSite> {
  const { root, dev, host, port } = options
  if (!dev && !existsSync(path.join(root, '.next', 'BUILD_ID'))) {
    throw new ForgeError('UNAVAILABLE', 'the site is not built', { hint: 'Run: npm run build' })
  }
  // Next and React choose their build by this variable when they are loaded.
  Object.assign(process.env, { NODE_ENV: dev ? 'development' : 'production', NEXT_TELEMETRY_DISABLED: '1' })
  const { default: next } = await import('next')
  // Next puts its own upgrade listener on the server it is given, and would take part in the agents' and rooms'
  // upgrades. It gets a server of its own that never listens; ours forwards what is meant for it.
  const upgrades = createServer()
  const app = next({ dev, dir: root, hostname: host, port, httpServer: upgrades })
  await app.prepare()
  const handle = app.getRequestHandler()
  return {
    handle: (request, response) => handle(request, response),
    ...(dev && {
      upgrade: (request, socket, head) => {
        // Before the first page Next does not listen yet; its client tries again.
        if (!upgrades.emit('upgrade', request, socket, head)) socket.destroy()
      },
    }),
    close: () => app.close(),
  }
}
