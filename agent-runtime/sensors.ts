/** What the agent can know about its surroundings. */
export interface SensorReading {
  /** The page can be seen; true where there is no page. */
  readonly visible: boolean
  readonly online: boolean
  /** Undefined where the host does not tell. */
  readonly battery: { readonly charging: boolean /** 0 to 1 */; readonly level: number } | undefined
}

/** The one port through which the governor reads the world. */
export interface Sensors {
  read(): SensorReading
  /** @returns stops the watching */
  watch(changed: () => void): () => void
}

export const UNDISTURBED: SensorReading = { visible: true, online: true, battery: undefined }

/** Sensors that someone else reads: a worker has neither a page nor a battery, so the page tells it. */
export class ReportedSensors implements Sensors {
  readonly #watchers = new Set<() => void>()
  #reading: SensorReading

  constructor(reading: SensorReading = UNDISTURBED) {
    this.#reading = reading
  }

  report(reading: SensorReading): void {
    this.#reading = reading
    for (const changed of this.#watchers) changed()
  }

  read(): SensorReading {
    return this.#reading
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => {
      this.#watchers.delete(changed)
    }
  }
}
