/** Colours of escape times. Every value is exact: square roots are correctly rounded, all else is integers. */

/** Where a colour stands on the ring of RING steps, and the colour, between which the others lie on straight lines. */
const STOPS = [
  [0, 0, 7, 100],
  [164, 32, 107, 203],
  [430, 237, 255, 255],
  [658, 255, 170, 0],
  [878, 0, 2, 0],
  [1024, 0, 7, 100],
] as const
const RING = 1024
/** Steps of the ring from the first iteration to the second; later ones lie closer, as the square root grows. */
const PACE = 64
const OPAQUE = 255

/** Red, green and blue at a step of the ring, a half rounded up. */
function colourAt(step: number): readonly [number, number, number] {
  let index = 0
  while ((STOPS[index + 1] as (typeof STOPS)[number])[0] <= step) index++
  const from = STOPS[index] as (typeof STOPS)[number]
  const to = STOPS[index + 1] as (typeof STOPS)[number]
  const length = to[0] - from[0]
  const part = step - from[0]
  const mix = (a: number, b: number) =>
    Math.floor((2 * (a * (length - part) + b * part) + length) / (2 * length))
  return [mix(from[1], to[1]), mix(from[2], to[2]), mix(from[3], to[3])]
}

/** RGBA of each escape time from 0 to `limit`; points that do not escape are black. */
export function palette(limit: number): Uint8Array {
  const colours = new Uint8Array(4 * (limit + 1))
  for (let time = 0; time < limit; time++) {
    colours.set(colourAt(Math.floor(PACE * Math.sqrt(time)) % RING), 4 * time)
    colours[4 * time + 3] = OPAQUE
  }
  colours[4 * limit + 3] = OPAQUE
  return colours
}
