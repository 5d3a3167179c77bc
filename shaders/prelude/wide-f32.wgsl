// 64-bit values as in prelude/wide.wgsl, without shifts.
//!include high-half

// As in prelude/wide.wgsl.
fn mul_wide(a: u32, b: u32) -> vec2<u32> {
  let a_low = a & 0xffffu;
  let a_high = high_half(a) & 0xffffu;
  let b_low = b & 0xffffu;
  let b_high = high_half(b) & 0xffffu;
  let cross = a_high * b_low;
  let middle = cross + a_low * b_high;
  let low = a * b;
  let carries = select(0u, 0x10000u, middle < cross) + select(0u, 1u, low < a_low * b_low);
  return vec2<u32>(low, a_high * b_high + (high_half(middle) & 0xffffu) + carries);
}

// a + b modulo 2^64.
fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// round(a b / 2^32), a half rounded up.
fn mul_high_round(a: u32, b: u32) -> u32 {
  let product = mul_wide(a, b);
  return product.y + select(0u, 1u, i32(product.x) < 0);
}
