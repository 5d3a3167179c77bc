// 2^(f / 2^24) as in prelude/exp2.wgsl, bit for bit, without shifts.
//!include high-half

@group(0) @binding(3) var<storage, read> exp2_table: array<vec4<u32>, 256>;

// t = c1 + c2 x < 5.9e6. t_low = t - t_high is at most 2^15 in size, so that t_low x is in i32; t_high x is a multiple of 2^16.
// Their sum, with 2^31 in [0, 2^39), is added to 2^39, whose last place is 2^16 and whose bits are 0x53000000.
fn exp2_q30(f: u32) -> u32 {
  let row = high_half(f) & 0xffu;
  let x = f & 0xffffu;
  let t = exp2_table[row].y + (high_half(exp2_table[row].z * x) & 0xffffu);
  let t_high = (t + 0x8000u) & 0x00ff0000u;
  let parts = f32(i32(t_high)) * f32(i32(x)) + f32(i32(((t - t_high) * x) & 0xffff0000u));
  return exp2_table[row].x + bitcast<u32>(parts + (0x1p39f + 0x1p31f)) - 0x53008000u;
}
