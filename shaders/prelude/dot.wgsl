// Products of packed signed 16-bit halves. Compilers to WASM take one instruction, i32x4.dot_i16x8_s, for four lanes.

// a0 b0 + a1 b1, modulo 2^32: it wraps only where all four halves are -2^15.
fn dot2_i16(a: u32, b: u32) -> i32 {
  let low = (i32(a << 16u) >> 16u) * (i32(b << 16u) >> 16u);
  return low + (i32(a) >> 16u) * (i32(b) >> 16u);
}
