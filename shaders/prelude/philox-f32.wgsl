// Philox4x32-10 as in prelude/philox.wgsl, by products whose upper words are put together without shifts and carries.
//!include high-half

// The upper word of a m, for m = 2^32 + 2^16 high + low with signed high and low of 16 bits:
//   floor(a m / 2^32) = a + a_high high + floor((a_high low + a_low high + floor(a_low low / 2^16)) / 2^16).
// a_low low is in i32. So is the sum in the inner parentheses with `bias`, a multiple of 2^16, added; it is taken off again.
fn mul_high_by(a: u32, high: u32, low: u32, bias: u32) -> u32 {
  let a_high = high_half(a) & 0xffffu;
  let a_low = a & 0xffffu;
  let middle = a_high * low + a_low * high + high_half(a_low * low) + (bias - HIGH_HALF);
  return a + a_high * high + high_half(middle) - (HIGH_HALF + (bias >> 16u));
}

// 0xd2511f53 = 2^32 - 11695 * 2^16 + 8019: the sum is in -7.7e8 .. 5.3e8.
// 0xcd9e8d57 = 2^32 - 12897 * 2^16 - 29353: it is in -2.8e9 .. 0, with 2^30 added in -1.7e9 .. 1.1e9.
fn philox_round(c: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  let high0 = mul_high_by(c.x, 0xffffd251u, 0x00001f53u, 0u);
  let high1 = mul_high_by(c.z, 0xffffcd9fu, 0xffff8d57u, 0x40000000u);
  return vec4<u32>(high1 ^ c.y ^ key.x, c.z * 0xcd9e8d57u, high0 ^ c.w ^ key.y, c.x * 0xd2511f53u);
}

fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  let weyl = vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  var c = philox_round(counter, key);
  c = philox_round(c, key + weyl);
  c = philox_round(c, key + 2u * weyl);
  c = philox_round(c, key + 3u * weyl);
  c = philox_round(c, key + 4u * weyl);
  c = philox_round(c, key + 5u * weyl);
  c = philox_round(c, key + 6u * weyl);
  c = philox_round(c, key + 7u * weyl);
  c = philox_round(c, key + 8u * weyl);
  return philox_round(c, key + 9u * weyl);
}
