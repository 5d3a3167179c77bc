import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The page and the module worker that run code in a browser. The worker is where the agent runs in production, too.
 * `forgeCall` answers with the JSON text of a `Reply`.
 */
const PAGE = `<!doctype html><meta charset="utf-8"><title>host</title><script type="module">
const worker = new Worker('/worker.js', { type: 'module' })
const waiting = new Map()
let calls = 0
worker.onmessage = ({ data: [id, reply] }) => { waiting.get(id)(reply); waiting.delete(id) }
worker.onerror = (event) => {
  const reply = JSON.stringify({ ok: false, message: event.message || 'the worker failed', stack: '' })
  for (const settle of waiting.values()) settle(reply)
  waiting.clear()
}
window.forgeCall = (url, fnName, arg) => new Promise((resolve) => {
  waiting.set(++calls, resolve)
  worker.postMessage([calls, url, fnName, arg])
})
</script>`

const WORKER = `onmessage = async ({ data: [id, url, fnName, arg] }) => {
  let reply
  try {
    const module = await import(url)
    reply = { ok: true, value: (await module[fnName](arg)) ?? null }
  } catch (error) {
    reply = { ok: false, message: String(error?.message ?? error), stack: String(error?.stack ?? '') }
  }
  postMessage([id, JSON.stringify(reply)])
}`

/** A local origin that serves the page and the modules given to it. Browsers have WebGPU on localhost without TLS. */
export interface HostPage {
  readonly url: string
  /** Serves this module from now on. @returns its path */
  publish(moduleSource: string): string
  close(): Promise<void>
}

export async function serveHostPage(): Promise<HostPage> {
  const files = new Map([
    ['/', { type: 'text/html', body: PAGE }],
    ['/worker.js', { type: 'text/javascript', body: WORKER }],
  ])
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, {
      'content-type': `${file.type}; charset=utf-8`,
      // Cross-origin isolation, as the site has it: SharedArrayBuffer and precise clocks.
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    })
    response.end(file.body)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}/`,
    publish(moduleSource) {
      const path = `/${createHash('sha256').update(moduleSource).digest('hex')}.js`
      files.set(path, { type: 'text/javascript', body: moduleSource })
      return path
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The expression that makes the call in the page; a string, so that no compiler's helpers leak into the page. */
export function callExpression(path: string, fnName: string, arg: unknown): string {
  return `window.forgeCall(${[path, fnName, arg].map((value) => JSON.stringify(value)).join(', ')})`
}
