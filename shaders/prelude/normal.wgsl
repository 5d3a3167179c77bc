// Standard normal quantile of a uniform word, signed Q24, from the frozen table normal-quantile:
// 512 rows (|c0|, |c1|, |c2|, 0). Definition and proof of ranges: kernel/numerics/normal.ts.

@group(0) @binding(2) var<storage, read> normal_table: array<vec4<u32>>;

// z = c0 - (c1 - c2 x) x, x in 2^-16. Row < 512. c2 x < 2^32, t < 2^24, the sum of the two products < 2^32.
fn normal_q24(u: u32) -> i32 {
  let n = (u << 1u) | 1u;
  let zeros = countLeadingZeros(n);
  let aligned = n << zeros;
  let row = normal_table[((31u - zeros) << 4u) | ((aligned >> 27u) & 15u)];
  let x = (aligned >> 11u) & 0xffffu;
  let t = row.y - ((row.z * x) >> 16u);
  let fall = (t * (x >> 8u) + ((t * (x & 255u)) >> 8u)) >> 8u;
  let z = i32(row.x - fall);
  return select(z, -z, (u >> 31u) == 1u);
}
