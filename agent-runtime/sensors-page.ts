import type { SensorReading } from './sensors.ts'

/** The part of the Battery Status API that is read; Firefox and Safari have none. */
interface BatteryManager extends EventTarget {
  readonly charging: boolean
  readonly level: number
}

/**
 * Watches the page's visibility, the network and the battery.
 * @param changed called with each new reading, the first one at once
 * @returns stops the watching
 */
export function watchPage(changed: (reading: SensorReading) => void): () => void {
  const stop = new AbortController()
  const { signal } = stop
  let battery: BatteryManager | undefined
  const read = () => {
    if (signal.aborted) return
    changed({
      visible: document.visibilityState === 'visible',
      online: navigator.onLine,
      battery: battery === undefined ? undefined : { charging: battery.charging, level: battery.level },
    })
  }
  document.addEventListener('visibilitychange', read, { signal })
  window.addEventListener('online', read, { signal })
  window.addEventListener('offline', read, { signal })
  if ('getBattery' in navigator && typeof navigator.getBattery === 'function') {
    const asked = navigator.getBattery() as Promise<BatteryManager>
    asked.then(
      (manager) => {
        battery = manager
        manager.addEventListener('chargingchange', read, { signal })
        manager.addEventListener('levelchange', read, { signal })
        read()
      },
      // Forbidden by the page's permissions policy: as if there were none.
      () => undefined,
    )
  }
  read()
  return () => stop.abort()
}
