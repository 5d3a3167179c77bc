// 64-bit values as vec2<u32>(low word, high word).

// The product of two words. WGSL has no wider multiply: four 16-bit partial products, none of whose sums leaves 32
// bits, because (2^16 - 1)^2 + 2 (2^16 - 1) = 2^32 - 1.
fn mul_wide(a: u32, b: u32) -> vec2<u32> {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let t = a_high * b_low + ((a_low * b_low) >> 16u);
  let u = a_low * b_high + (t & 0xffffu);
  return vec2<u32>(a * b, a_high * b_high + (t >> 16u) + (u >> 16u));
}

// a + b modulo 2^64.
fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// A signed word as a 64-bit two's-complement value.
fn sign_extend(a: i32) -> vec2<u32> {
  return vec2<u32>(u32(a), u32(a >> 31u));
}

// round(a b / 2^32), a half rounded up. It fits a word: at a = b = 2^32 - 1 the low word is 1.
fn mul_high_round(a: u32, b: u32) -> u32 {
  let product = mul_wide(a, b);
  return product.y + (product.x >> 31u);
}
