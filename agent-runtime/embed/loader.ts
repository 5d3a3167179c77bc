import { isHandheld } from './handheld.ts'
import { EMBED_MESSAGES, isLayout, MAX_FRAME_HEIGHT } from './messages.ts'

/**
 * `/embed/v1.js`, which a partner puts into his page:
 *
 *   <script async src="https://pool.example/embed/v1.js" data-site-key="fpsk_…"></script>
 *
 * It inserts the pool's frame in a corner and gives it the room it asks for. It starts nothing, reads nothing of the page
 * and leaves nothing on `window`. Styles are set through the CSSOM, which no Content-Security-Policy forbids.
 */

const WIDTH = 340
/** Where no frame has answered after this time, the site's owner finds a reason in the console. */
const ANSWER_MS = 15_000

type Styles = Readonly<Record<string, string>>

/** `all` first: whatever the page's own rules say of frames, this one looks as the frame itself says. */
const BASE: Styles = {
  all: 'initial',
  position: 'fixed',
  right: '16px',
  bottom: '16px',
  border: '0',
  'z-index': '2147483647',
  'max-width': 'calc(100vw - 32px)',
  'border-radius': '10px',
}

function style(frame: HTMLIFrameElement, styles: Styles): void {
  for (const [name, value] of Object.entries(styles)) frame.style.setProperty(name, value, 'important')
}

function insert(origin: string, siteKey: string, phones: boolean): void {
  const frame = document.createElement('iframe')
  frame.title = 'Forge Pool: computing in this page'
  frame.src = `${origin}/embed/v1/frame?site=${siteKey}${phones ? '&phones=on' : ''}`
  frame.referrerPolicy = 'no-referrer'
  // The frame can neither navigate this page nor open anything but its links.
  frame.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox')
  // Laid out, so that it can measure itself, and out of sight until it has.
  style(frame, {
    ...BASE,
    width: `${WIDTH}px`,
    height: `${MAX_FRAME_HEIGHT}px`,
    visibility: 'hidden',
    'pointer-events': 'none',
  })
  const silence = setTimeout(
    () =>
      console.info(
        'Forge Pool: the frame did not answer. Is the origin of this page allowed for its site key, and frame-src in its Content-Security-Policy?',
      ),
    ANSWER_MS,
  )
  addEventListener('message', function hear({ source, origin: from, data }: MessageEvent<unknown>) {
    if (source !== frame.contentWindow || from !== origin || !isLayout(data)) return
    clearTimeout(silence)
    if (data.layout === 'none') {
      removeEventListener('message', hear)
      frame.remove()
      return
    }
    style(frame, {
      width: `${data.width}px`,
      height: `${data.height}px`,
      visibility: 'visible',
      'pointer-events': 'auto',
    })
  })
  frame.addEventListener('load', () =>
    frame.contentWindow?.postMessage({ forge: EMBED_MESSAGES, t: 'hello' }, origin),
  )
  document.body.append(frame)
}

function start(): void {
  const script = document.currentScript
  if (!(script instanceof HTMLScriptElement)) return
  const { siteKey = '', phones = 'off' } = script.dataset
  const { origin } = new URL(script.src)
  if (!/^fpsk_[A-Za-z0-9_-]{22}$/.test(siteKey)) {
    console.info('Forge Pool: data-site-key is missing, or is no site key.')
    return
  }
  if (isHandheld(navigator) && phones !== 'on') return
  if (document.body) insert(origin, siteKey, phones === 'on')
  else addEventListener('DOMContentLoaded', () => insert(origin, siteKey, phones === 'on'), { once: true })
}

start()
