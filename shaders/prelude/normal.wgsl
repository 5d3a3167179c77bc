// Standard normal quantile of a uniform word, signed Q24, from the frozen table normal-quantile:
// 512 rows (|c0|, |c1|, |c2|, 0). Definition and proof of ranges: kernel/numerics/normal.ts.

@group(0) @binding(2) var<storage, read> normal_table: array<vec4<u32>, 512>;

// z = c0 - (c1 - c2 x) x, x in 2^-16. Row < 512: the top bit of aligned is set, zeros <= 31. c2 x < 2^32; t < 2^24, so
// t x in two parts, each below 2^32.
fn normal_q24(u: u32) -> i32 {
  let n = u + u + 1u;
  let zeros = countLeadingZeros(n);
  let aligned = n << zeros;
  let row = normal_table[(aligned >> 27u) + 480u - 16u * zeros];
  let x = (aligned >> 11u) & 0xffffu;
  let t = row.y - ((row.z * x) >> 16u);
  let fall = (t >> 16u) * x + (((t & 0xffffu) * x) >> 16u);
  let z = i32(row.x - fall);
  return select(z, -z, i32(u) < 0);
}
