// 2^(f / 2^24) for f modulo 2^24, in Q30, in [2^30, 2^31), from the frozen table exp2: 256 rows (c0, c1, c2, 0).
// Definition and proof of ranges: kernel/numerics/exp2.ts.

@group(0) @binding(3) var<storage, read> exp2_table: array<vec4<u32>, 256>;

// y = c0 + (c1 + c2 x) x, x in 2^-16. c2 x < 2^32; t < 2^23, so t x in two parts, each below 2^32.
fn exp2_q30(f: u32) -> u32 {
  let row = exp2_table[(f >> 16u) & 0xffu];
  let x = f & 0xffffu;
  let t = row.y + ((row.z * x) >> 16u);
  return row.x + (t >> 16u) * x + (((t & 0xffffu) * x) >> 16u);
}
