import type { SiteRow } from '../memory/embed-ports.ts'

/**
 * The page inside a partner's frame: static markup, filled with the site's name and key. What moves in it is
 * agent-runtime/embed/frame.ts; ids and data attributes here are read there.
 */

/** @param version names the folder of its script and style sheet */
export function framePage(
  site: SiteRow,
  options: { readonly version: string; readonly phones: boolean },
): string {
  const base = `/embed/v1/${options.version}`
  const data = {
    'data-site-key': site.site_key,
    'data-site-name': site.name,
    'data-origins': JSON.stringify(site.allowed_origins),
    'data-phones': options.phones ? 'on' : 'off',
  }
  const attributes = Object.entries(data).map(([name, value]) => ` ${name}="${escapeHtml(value)}"`)
  const name = escapeHtml(site.name)
  return `${HEAD}
<link rel="stylesheet" href="${base}/frame.css">
<script type="module" src="${base}/frame.js"></script>
</head>
<body${attributes.join('')}>
<div id="content">
<main id="card" hidden>
<h1>Let this page compute for Forge Pool?</h1>
<p><b>${name}</b> (<span id="card-page"></span>) asks for a part of your device’s computing power. Forge Pool pays ${name} credits for it.</p>
<ul>
<li>Runs published integer arithmetic only, in this browser’s sandbox, at about a quarter of one device’s speed.</li>
<li>Uses electricity. Forge Pool sees your network address; no files, no cookies, no tracking, no coins.</li>
<li>Rests while you cannot see this box. Ends when you press Stop or leave the page, and after 24 hours.</li>
</ul>
<p id="card-error" role="alert" hidden></p>
<div class="actions">
<button id="allow" type="button">Allow here</button>
<button id="decline" type="button">No, thanks</button>
</div>
<p><a href="/" target="_blank" rel="noopener">What is Forge Pool?</a></p>
</main>
<section id="pill" aria-label="Forge Pool" hidden>
<div role="status"><p id="pill-title"></p><p id="pill-detail"></p></div>
<button id="stop" type="button">Stop</button>
<button id="close" type="button" hidden>Close</button>
</section>
</div>
</body>
</html>
`
}

/** A page that says why there is no frame. It runs nothing. */
export function noticePage(text: string): string {
  return `${HEAD}
</head>
<body><p>${escapeHtml(text)}</p></body>
</html>
`
}

const HEAD = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Forge Pool: computing in this page</title>`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
