/**
 * Whether the visitor can see the whole frame, as far as the browser tells the frame itself: the page around it is not
 * asked, since it may be the one that hides it.
 *
 * - The document is visible (front tab), and the frame has the room that its content needs: it was not shrunk.
 * - An intersection observer sees the whole content inside the window: the frame was not moved away or clipped.
 * - Where the browser has IntersectionObserver v2 (Chromium), the content is also not covered, transparent, filtered or
 *   transformed. Elsewhere those cannot be told.
 * - The browser still draws the frame: it does not where the frame has `display: none`.
 */

/** Shortest delay that IntersectionObserver v2 allows. */
const OBSERVER_DELAY_MS = 100
/** A share of the content that may be cut off by rounding. */
const WHOLE = 0.99
const ROUNDING_PX = 1
const HEARTBEAT_MS = 500
/** A page under load draws late, a frame without rendering never. */
const NOT_DRAWN_MS = 3_000

/** IntersectionObserver v2, https://w3c.github.io/IntersectionObserver/v2/ */
interface ObserverOptionsV2 extends IntersectionObserverInit {
  readonly trackVisibility: true
  readonly delay: number
}

export class FrameVisibility {
  readonly #content: HTMLElement
  readonly #watchers = new Set<() => void>()
  readonly #knowsCover = 'isVisible' in IntersectionObserverEntry.prototype
  #observed = false
  #drawn_ms = performance.now()
  #visibleSince_ms: number | undefined

  /** @param content what must be seen whole */
  constructor(content: HTMLElement) {
    this.#content = content
    const observer = new IntersectionObserver((entries) => this.#hear(entries), this.#options())
    observer.observe(content)
    addEventListener('resize', () => this.#reconsider())
    document.addEventListener('visibilitychange', () => this.#reconsider())
    this.#heartbeat()
  }

  get visible(): boolean {
    return this.#visibleSince_ms !== undefined
  }

  /** Milliseconds for which it has been visible without interruption; 0 when it is not. */
  get visibleFor_ms(): number {
    return this.#visibleSince_ms === undefined ? 0 : performance.now() - this.#visibleSince_ms
  }

  /** @param changed called when it becomes visible or hidden. @returns stops the watching */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => {
      this.#watchers.delete(changed)
    }
  }

  #options(): IntersectionObserverInit {
    const threshold = [0, 0.5, WHOLE, 1]
    if (!this.#knowsCover) return { threshold }
    const options: ObserverOptionsV2 = { threshold, trackVisibility: true, delay: OBSERVER_DELAY_MS }
    return options
  }

  #hear(entries: readonly IntersectionObserverEntry[]): void {
    const entry = entries.at(-1)
    if (entry === undefined) return
    const isUncovered = !this.#knowsCover || ('isVisible' in entry && entry.isVisible === true)
    this.#observed = entry.isIntersecting && entry.intersectionRatio >= WHOLE && isUncovered
    this.#reconsider()
  }

  #heartbeat(): void {
    requestAnimationFrame(() => {
      this.#drawn_ms = performance.now()
    })
    this.#reconsider()
    setTimeout(() => this.#heartbeat(), HEARTBEAT_MS)
  }

  #reconsider(): void {
    const { scrollHeight, scrollWidth } = this.#content
    const now_ms = performance.now()
    const visible =
      this.#observed &&
      document.visibilityState === 'visible' &&
      now_ms - this.#drawn_ms < NOT_DRAWN_MS &&
      innerHeight >= scrollHeight - ROUNDING_PX &&
      innerWidth >= scrollWidth - ROUNDING_PX &&
      scrollHeight > ROUNDING_PX
    if (visible === this.visible) return
    this.#visibleSince_ms = visible ? now_ms : undefined
    for (const changed of [...this.#watchers]) changed()
  }
}
