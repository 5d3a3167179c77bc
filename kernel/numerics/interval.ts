/** Quantile of the standard normal distribution at 97.5 %. */
export const Z_95 = 1.959963984540054

/** The two-sided 95 % interval of an estimate that is normal about its value. */
export function interval95(value: number, standardError: number): { low: number; high: number } {
  const half = Z_95 * standardError
  return { low: value - half, high: value + half }
}
