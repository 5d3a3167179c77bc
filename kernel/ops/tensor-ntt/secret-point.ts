/** The field of the check: its size bounds what slips through. */
const P = (1n << 61n) - 1n

/** The polynomial with these coefficients, lowest first, at a point of F_p, by Horner's rule. */
function at(coefficients: Iterable<bigint>, point: bigint): bigint {
  let value = 0n
  for (const coefficient of [...coefficients].reverse()) value = (value * point + coefficient) % P
  return value < 0n ? value + P : value
}

/**
 * Whether c(s) = a(s) b(s) over F_p, p = 2^61 - 1. A wrong convolution of length n passes for at most n - 1 of the p
 * points, provided that no |c[i] - true c[i]| is a multiple of p: so its coefficients are bounded first, or checked with
 * two points of different fields. The point must be drawn, secretly, after c is fixed.
 */
export function agreesAtPoint(
  a: readonly bigint[],
  b: readonly bigint[],
  c: readonly bigint[],
  point: bigint,
): boolean {
  return (at(a, point) * at(b, point)) % P === at(c, point)
}
