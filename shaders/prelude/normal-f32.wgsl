// Standard normal quantile of a uniform word as in prelude/normal.wgsl, bit for bit, without shifts and without counting
// leading zeros.
//!include high-half

@group(0) @binding(2) var<storage, read> normal_table: array<vec4<u32>, 512>;

// With n = 2 m + 1 the row is n's exponent and the four bits after its leading one, x the sixteen after those: all in n's 21
// leading bits, which the bits of m + 1/2 as f32 show. m loses the bits behind them, so that 24 bits hold it, by that of three
// masks which fits: the others give less. The half counts below 2^23 only.
fn normal_q24(u: u32) -> i32 {
  let m = u & 0x7fffffffu;
  let large = f32(max(i32(m & 0x7fffff80u), i32(m & 0x07fffff8u)));
  let small = f32(i32(m & 0x007fffffu)) + 0.5f;
  let bits = u32(max(bitcast<i32>(large), bitcast<i32>(small)));
  // The exponent of m + 1/2 is biased by 126 against that of n: 2016 rows. Last places of the sums: 2^19 and 2^3.
  let row = bitcast<u32>(f32(i32(bits & 0x7ff80000u)) + (0x1p42f - 2016f * 0x1p19f)) & 0x1ffu;
  let x = bitcast<u32>(f32(i32(bits & 0x0007fff8u)) + 0x1p26f) & 0xffffu;
  // c2 x < 2^30, t < 2^20. Words that nobody uses are not loaded: a software driver loads each lane's by itself.
  let t = normal_table[row].y - (high_half(normal_table[row].z * x) - HIGH_HALF);
  // t_low = t - t_high is at most 2^15 in size, so that t_low x is in i32; t_high x is a multiple of 2^16 below 2^36.
  let t_high = (t + 0x8000u) & 0x001f0000u;
  let parts = f32(i32(t_high)) * f32(i32(x)) + f32(i32(((t - t_high) * x) & 0xffff0000u));
  let z = i32(normal_table[row].x + HIGH_HALF - bitcast<u32>(parts + 0x1.8p39f));
  return select(z, -z, i32(u) < 0);
}
