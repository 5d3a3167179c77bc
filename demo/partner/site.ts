import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A partner's site for demonstration: one page with an article, on an origin of its own and under a strict
 * Content-Security-Policy without inline code, as a careful publisher would have it. All that it does for Forge Pool is one
 * script tag and the two sources in its policy (docs/embed.md).
 */
export interface PartnerSite {
  /** `http://localhost:<port>` */
  readonly origin: string
  close(): Promise<void>
}

export interface PartnerOptions {
  /** Origin of the pool. */
  readonly pool: string
  /** Read when the page is asked for: a site key is made for an origin, which is known once this listens. */
  readonly siteKey: () => string
  /** 0: any free port. */
  readonly port: number
  /** The page isolates itself (COOP and COEP), as pages with SharedArrayBuffer do. */
  readonly isolated?: boolean
  /** More of the snippet's attributes, for instance `data-phones="on"`. */
  readonly attributes?: string
}

export async function startPartnerSite(options: PartnerOptions): Promise<PartnerSite> {
  const { pool } = options
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `script-src ${pool}`,
    `frame-src ${pool}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ')
  const server = createServer((request, response) => {
    response.setHeader('content-security-policy', policy)
    response.setHeader('x-content-type-options', 'nosniff')
    if (options.isolated === true) {
      response.setHeader('cross-origin-opener-policy', 'same-origin')
      response.setHeader('cross-origin-embedder-policy', 'require-corp')
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/':
        response.setHeader('content-type', 'text/html; charset=utf-8')
        response.end(page(pool, options.siteKey(), options.attributes ?? ''))
        return
      case '/style.css':
        response.setHeader('content-type', 'text/css; charset=utf-8')
        response.end(STYLE)
        return
      default:
        response.statusCode = 404
        response.end()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: options.port }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://localhost:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function page(pool: string, siteKey: string, attributes: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The Tide Table</title>
<link rel="stylesheet" href="/style.css">
<script async src="${pool}/embed/v1.js" data-site-key="${siteKey}"${attributes === '' ? '' : ` ${attributes}`}></script>
</head>
<body>
<article>
<h1>The Tide Table</h1>
<p class="by">A magazine about the sea, paid by its readers’ idle processors.</p>
<p>Twice a day the harbour at Saint-Malo empties and fills again, by as much as twelve metres. Long before anybody could
say why, the people here could say when: they kept a table.</p>
<p>The first tables were copied by hand from one year to the next, and corrected by whoever had stood on the quay with a
stick. Laplace gave them an equation, Thomson a machine of brass wheels that added ten cosines at a time. Today a laptop
adds four hundred, and the stick is a satellite.</p>
<p>What has not changed is the habit of looking: a table is a promise, and the sea is asked twice a day whether it was kept.</p>
</article>
</body>
</html>
`
}

const STYLE = `body { margin: 0 auto; max-width: 38rem; padding: 2rem 1.25rem 12rem; font: 18px/1.6 Georgia, serif; color: #1d2a30; background: #f3f7f7 }
h1 { line-height: 1.1 }
.by { color: #52666e; font-style: italic }
iframe { border: 3px solid red; opacity: .5 }
`
