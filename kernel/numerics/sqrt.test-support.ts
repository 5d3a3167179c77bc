/** What one evaluation of shaders/prelude/sqrt.wgsl does, for proving its ranges. */
export interface SqrtSteps {
  readonly root: bigint
  /** The largest |intermediate| of the unsigned and of the signed 32-bit products. */
  readonly unsigned: bigint
  readonly signed: bigint
  /** The reciprocal root never leaves 16 bits. */
  readonly reciprocal: bigint
}

/** The steps of shaders/prelude/sqrt.wgsl in BigInt, without wrapping; v > 0. */
export function sqrtSteps(v: bigint): SqrtSteps {
  let zeros = 0n
  while (v > 0n && v << zeros < 1n << 30n) zeros += 2n
  const m = v << zeros
  const y = m >> 16n
  let unsigned = 0n
  let signed = 0n
  const u = (x: bigint): bigint => {
    if (x > unsigned) unsigned = x
    if (x < 0n) throw new Error('negative')
    return x
  }
  const i = (x: bigint): bigint => {
    const magnitude = x < 0n ? -x : x
    if (magnitude > signed) signed = magnitude
    return x
  }
  let r = 43758n - (u((53826n - (u(26846n * y) >> 16n)) * y) >> 16n)
  let reciprocal = r
  for (let step = 0; step < 2; step++) {
    r = u(r * u(0x18000n - (u(y * (u(r * r) >> 15n)) >> 14n))) >> 16n
    if (r > reciprocal) reciprocal = r
  }
  const square = m << 30n
  let s = u(u(y * r) << 1n)
  s += i(((square - s * s) >> 34n) * r) >> 12n
  s += i(((square - s * s) >> 22n) * r) >> 24n
  const rest = square - s * s
  s += rest < 0n ? -1n : rest > 2n * s ? 1n : 0n
  return { root: s >> (zeros / 2n), unsigned, signed, reciprocal }
}
