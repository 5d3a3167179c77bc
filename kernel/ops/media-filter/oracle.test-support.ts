/**
 * The filters as their formulas stand in the kernel, over the whole picture at once and in BigInt; weights are real
 * numbers that are rounded here, not those of the product.
 */

export interface Image {
  readonly rows: number
  readonly columns: number
  readonly bytes: Uint8Array
}

/** The source pixels that one pixel of the result needs along one axis, with their weights in units of 2^-15. */
type Taps = readonly (readonly [place: number, weight: bigint])[]

/** Gaussian weights: each rounded, the centre takes the rest. */
export function gaussianTaps(sigma: number): (i: number) => Taps {
  const radius = Math.ceil(3 * sigma)
  const raw = Array.from({ length: 2 * radius + 1 }, (_, t) =>
    Math.exp(-((t - radius) ** 2) / (2 * sigma * sigma)),
  )
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  const rounded = raw.map((weight) => Math.round((weight / total) * 32_768))
  rounded[radius] = 0
  rounded[radius] = 32_768 - rounded.reduce((sum, weight) => sum + weight, 0)
  return (i) => rounded.map((weight, t) => [i + t - radius, BigInt(weight)])
}

/** A triangle of one source pixel either way, or of as many as there are to one pixel of the result. */
export function triangleTaps(from: number, to: number): (i: number) => Taps {
  return (i) => {
    const reach = BigInt(2 * Math.max(from, to))
    const place = BigInt((2 * i + 1) * from - to)
    const near: [number, bigint][] = []
    for (let x = -2 * from; x < 3 * from; x++) {
      const distance = BigInt(2 * to * x) - place
      const part = reach - (distance < 0n ? -distance : distance)
      if (part > 0n) near.push([x, part])
    }
    const total = near.reduce((sum, [, part]) => sum + part, 0n)
    const taps = near.map(([x, part]): [number, bigint] => [x, (part * 32_768n) / total])
    let best = 0
    near.forEach(([, part], t) => {
      if (part > (near[best] as [number, bigint])[1]) best = t
    })
    const given = taps.reduce((sum, [, weight]) => sum + weight, 0n)
    return taps.map(([x, weight], t) => [x, t === best ? weight + 32_768n - given : weight])
  }
}

export function pixel({ rows, columns, bytes }: Image, row: number, column: number, channel: number): bigint {
  const r = Math.min(Math.max(row, 0), rows - 1)
  const c = Math.min(Math.max(column, 0), columns - 1)
  return BigInt(bytes[(r * columns + c) * 4 + channel] as number)
}

/** The 31-bit sums before the last rounding, by row, column, channel. */
export function resampledSum(image: Image, x: Taps, y: Taps, channel: number): bigint {
  return y.reduce((sum, [row, yWeight]) => {
    const across = x.reduce(
      (part, [column, weight]) => part + weight * pixel(image, row, column, channel),
      0n,
    )
    return sum + yWeight * ((across + 64n) >> 7n)
  }, 0n)
}

const SOBEL = [
  [-1n, 0n, 1n],
  [-2n, 0n, 2n],
  [-1n, 0n, 1n],
]

export function edge(image: Image, row: number, column: number, channel: number): number {
  let gx = 0n
  let gy = 0n
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      const value = pixel(image, row + i - 1, column + j - 1, channel)
      gx += (SOBEL[i]?.[j] as bigint) * value
      gy += (SOBEL[j]?.[i] as bigint) * value
    }
  }
  let root = 0n
  while (root < 255n && (root + 1n) * (root + 1n) <= gx * gx + gy * gy) root++
  return Number(root)
}
