// log2 of a word in Q26, from the frozen table log2: 256 rows (c0, c1, c2, 0), c0 in Q31, c1 and c2 in Q39. Of a value in Q(n),
// take n 2^26 off. Error at most 0.598 units of Q26, 8.9e-9; exact for powers of two; monotone: the test beside
// kernel/numerics/log2.test-support.ts measures it.
//!include wide

@group(0) @binding(15) var<storage, read> log2_table: array<vec4<u32>, 256>;

// Of 0 as of 1. y = c0 + (c1 - c2 x) x, x in [0, 1) as a word: both products are high words. The sum is at most 2^31, where
// it carries into the exponent.
fn log2_q26(v: u32) -> u32 {
  let word = max(v, 1u);
  let zeros = countLeadingZeros(word);
  let aligned = word << zeros;
  let row = log2_table[(aligned >> 23u) & 0xffu];
  let x = aligned << 9u;
  let t = row.y - mul_wide(row.z, x).y;
  let y = row.x + (mul_wide(t, x).y >> 8u);
  return ((31u - zeros) << 26u) + ((y + 16u) >> 5u);
}
