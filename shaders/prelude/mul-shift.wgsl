// Fixed-point products of any scale.
//!include wide

// round(a b / 2^shift) modulo 2^32, a half rounded up, for shift <= 32; beyond as for 32. The product is at most
// 2^64 - 2^33 + 1, so that half a unit, at most 2^31, does not carry out of 64 bits.
fn mul_shift_round(a: u32, b: u32, shift: u32) -> u32 {
  let whole = shift > 31u;
  let s = min(shift, 31u);
  let product = mul_wide(a, b);
  let sum = add_wide(product, vec2<u32>(select((1u << s) >> 1u, 0x80000000u, whole), 0u));
  return select(((sum.y << 1u) << (31u - s)) | (sum.x >> s), sum.y, whole);
}
