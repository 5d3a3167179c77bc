import type { LayoutMessage } from './messages.ts'

/** What the visitor sees of the frame; the markup is the server's (server/http/embed-page.ts). */

const WIDTH = { card: 340, pill: 340 } as const

export interface PillText {
  /** What happens, in a few words. */
  readonly title: string
  /** Figures, or a reason. */
  readonly detail: string
  readonly tone: 'running' | 'waiting' | 'ended'
}

export class FrameView {
  readonly #card = element('card')
  readonly #pill = element('pill')
  readonly #title = element('pill-title')
  readonly #detail = element('pill-detail')
  readonly #error = element('card-error')
  readonly #stop = element('stop')
  readonly #close = element('close')
  readonly allow = element('allow')
  readonly decline = element('decline')

  /** The part of the frame that must be seen whole. */
  readonly content = element('content')

  /** @param needs hears how much room the present part of the frame needs */
  constructor(needs: (layout: Pick<LayoutMessage, 'layout' | 'width' | 'height'>) => void) {
    const tell = () => {
      const layout = this.#card.hidden ? (this.#pill.hidden ? undefined : 'pill') : 'card'
      if (layout === undefined) return
      const height = Math.ceil(this.content.getBoundingClientRect().height)
      needs({ layout, width: WIDTH[layout], height })
    }
    // Fonts, zoom and a narrow window change what the text needs.
    new ResizeObserver(tell).observe(this.content)
  }

  onStop(pressed: () => void): void {
    this.#stop.addEventListener('click', pressed)
  }

  onClose(pressed: () => void): void {
    this.#close.addEventListener('click', pressed)
  }

  showCard(page: string): void {
    element('card-page').textContent = page
    this.#card.hidden = false
    this.#pill.hidden = true
  }

  /** The card stays; why nothing was started. */
  showError(text: string): void {
    this.#error.textContent = text
    this.#error.hidden = text === ''
  }

  showPill({ title, detail, tone }: PillText): void {
    this.#card.hidden = true
    this.#pill.hidden = false
    this.#pill.dataset.tone = tone
    if (this.#title.textContent !== title) this.#title.textContent = title
    this.#detail.textContent = detail
    this.#stop.hidden = tone === 'ended'
    this.#close.hidden = tone !== 'ended'
  }
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the frame has no element ${id}`)
  return found
}
