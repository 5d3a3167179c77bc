// 64-bit values as vec2<u32>(low word, high word).

// The product of two words. WGSL has no wider multiply: four 16-bit partial products,
//   a b = a_high b_high 2^32 + middle 2^16 + a_low b_low, each product below 2^32.
// middle wraps exactly where it is below one of its terms: 2^48 are missing. Modulo 2^32, a b is
// middle 2^16 + a_low b_low: that addition carries exactly where it is below a_low b_low. Carries are found by compares,
// because a shift costs a software driver twice as much.
fn mul_wide(a: u32, b: u32) -> vec2<u32> {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let cross = a_high * b_low;
  let middle = cross + a_low * b_high;
  let low = a * b;
  let carries = select(0u, 0x10000u, middle < cross) + select(0u, 1u, low < a_low * b_low);
  return vec2<u32>(low, a_high * b_high + (middle >> 16u) + carries);
}

// a + b modulo 2^64.
fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// round(a b / 2^32), a half rounded up. It fits a word: at a = b = 2^32 - 1 the low word is 1.
fn mul_high_round(a: u32, b: u32) -> u32 {
  let product = mul_wide(a, b);
  return product.y + select(0u, 1u, i32(product.x) < 0);
}
