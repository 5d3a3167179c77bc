import { AGENT_LIMITS } from './limits.ts'
import type { Sensors } from './sensors.ts'

/** What the owner decides. */
export interface GovernorSettings {
  /** Share of the time that may be spent computing, 0.05 to 1. */
  readonly intensity: number
  /** Threads that may compute on the CPU, 1 to as many as the device has cores. */
  readonly threads: number
  /** Also rest while the page is hidden. */
  readonly pause_when_hidden: boolean
  /** Rest on battery power below this level, 0 to 1; 1 rests whenever the charger is out. */
  readonly battery_floor: number
}

/** Most threads that a device with so many cores may be allowed. */
export function threadsMax(cores: number): number {
  return Math.min(AGENT_LIMITS.threads, Math.max(1, Math.floor(cores)))
}

/** Half of the cores, so that the owner's own work goes on undisturbed. */
export function defaultSettings(cores: number): GovernorSettings {
  return {
    intensity: 1,
    threads: Math.max(1, Math.floor(threadsMax(cores) / 2)),
    pause_when_hidden: false,
    battery_floor: 0.5,
  }
}

export const MIN_INTENSITY = 0.05

/** Whether to compute now, and if not, why, in words for the owner. */
export type Verdict =
  | { readonly go: true }
  | { readonly go: false; readonly state: 'paused' | 'offline'; readonly reason: string }

/** Decides when the agent works. It knows nothing of hubs and executors. */
export class Governor {
  readonly #sensors: Sensors
  readonly #unwatch: () => void
  readonly #watchers = new Set<() => void>()
  readonly #threadsMax: number
  #settings: GovernorSettings
  #pausedByUser = false
  #last: Verdict

  /** @param cores of the device */
  constructor(sensors: Sensors, cores: number) {
    this.#sensors = sensors
    this.#threadsMax = threadsMax(cores)
    this.#settings = defaultSettings(cores)
    this.#last = this.#judge()
    this.#unwatch = sensors.watch(() => this.#reconsider())
  }

  get verdict(): Verdict {
    return this.#last
  }

  get intensity(): number {
    return this.#settings.intensity
  }

  get threads(): number {
    return this.#settings.threads
  }

  get settings(): GovernorSettings {
    return this.#settings
  }

  /** Numbers outside their range are brought to its end. */
  configure(settings: Partial<GovernorSettings>): void {
    const merged = { ...this.#settings, ...settings }
    this.#settings = {
      ...merged,
      threads: Math.min(this.#threadsMax, Math.max(1, Math.floor(merged.threads))),
      intensity: Math.min(1, Math.max(MIN_INTENSITY, merged.intensity)),
      battery_floor: Math.min(1, Math.max(0, merged.battery_floor)),
    }
    this.#reconsider()
  }

  pause(): void {
    this.#pausedByUser = true
    this.#reconsider()
  }

  resume(): void {
    this.#pausedByUser = false
    this.#reconsider()
  }

  /** @param changed called when the verdict changes. @returns stops the watching */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => {
      this.#watchers.delete(changed)
    }
  }

  close(): void {
    this.#unwatch()
    this.#watchers.clear()
  }

  #judge(): Verdict {
    const { visible, online, battery } = this.#sensors.read()
    if (this.#pausedByUser) return { go: false, state: 'paused', reason: 'You paused it.' }
    if (!online) return { go: false, state: 'offline', reason: 'This device has no network connection.' }
    if (!visible && this.#settings.pause_when_hidden) {
      return { go: false, state: 'paused', reason: 'It rests while this page is in the background.' }
    }
    if (battery !== undefined && !battery.charging && battery.level < this.#settings.battery_floor) {
      const percent = Math.round(100 * battery.level)
      return {
        go: false,
        state: 'paused',
        reason: `It rests while the battery is at ${percent} % and not charging.`,
      }
    }
    return { go: true }
  }

  #reconsider(): void {
    const verdict = this.#judge()
    const before = this.#last
    this.#last = verdict
    const same = verdict.go ? before.go : !before.go && before.reason === verdict.reason
    if (!same) for (const changed of [...this.#watchers]) changed()
  }
}
