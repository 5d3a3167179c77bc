/**
 * The messages between a partner's page (loader) and the pool's frame inside it, and nothing else defines one. They ask
 * for room on the page and nothing more: no message starts an agent, and none says what it does. The loader has to stay
 * small, so they are checked by hand here instead of by a schema library; both sides also check origin and source.
 */
export const EMBED_MESSAGES = 'embed/1'

/** The loader's only word: the page that holds the frame is there. Its origin comes with the event. */
export interface HelloMessage {
  readonly forge: typeof EMBED_MESSAGES
  readonly t: 'hello'
}

/** How much room the frame needs, in CSS pixels; `none`: it is done here and may be removed. */
export interface LayoutMessage {
  readonly forge: typeof EMBED_MESSAGES
  readonly t: 'layout'
  readonly layout: 'card' | 'pill' | 'none'
  readonly width: number
  readonly height: number
}

/** No frame may take more of a page. */
export const MAX_FRAME_WIDTH = 400
export const MAX_FRAME_HEIGHT = 640

export function isHello(value: unknown): value is HelloMessage {
  return isMessage(value, ['forge', 't']) && value.t === 'hello'
}

export function isLayout(value: unknown): value is LayoutMessage {
  return (
    isMessage(value, ['forge', 't', 'layout', 'width', 'height']) &&
    value.t === 'layout' &&
    (value.layout === 'card' || value.layout === 'pill' || value.layout === 'none') &&
    isLength(value.width, MAX_FRAME_WIDTH) &&
    isLength(value.height, MAX_FRAME_HEIGHT)
  )
}

/** A plain object of this version with exactly these fields. */
function isMessage(value: unknown, fields: readonly string[]): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'forge' in value &&
    value.forge === EMBED_MESSAGES &&
    Object.keys(value).sort().join() === [...fields].sort().join()
  )
}

function isLength(value: unknown, most: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= most
}
