/**
 * Bins of about equal relative width, 1/16 or less: 0 .. 15 for the values themselves, then sixteen for each power of
 * two. Below 448 for words below 2^31; the same as shaders/prelude/log-bin.wgsl.
 */
export function logBin(value: number): number {
  if (value < 16) return value
  const below = 27 - Math.clz32(value)
  return 16 * below + (value >>> below)
}

/** The smallest value of a bin. */
export function logBinEdge(bin: number): number {
  if (bin < 32) return bin
  const below = (bin >> 4) - 1
  return (bin - 16 * below) * 2 ** below
}
