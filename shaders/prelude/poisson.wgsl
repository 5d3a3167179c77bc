// A Poisson variable of mean (whole + fraction 2^-32) < 2^24 from one uniform word: by inversion below a mean of 12, as a
// rounded normal from there on. The twin is poissonLeap of kernel/numerics/leap.ts.
//!include normal
//!include growth
//!include sqrt

// The number of terms of the distribution function at or below u, both in Q30; a term that vanishes ends the support.
// mean in Q27, below 12. p mean < 1.4 in Q30 for every term. 12 iterations of four terms.
fn poisson_inverse(mean: u32, word: u32) -> u32 {
  let u = word >> 2u;
  // e^-mean: log2 e in Q31, twice the mean in Q28 below 2^31.6; the product in Q27 below 17.4.
  let exponent = (mul_high_round(mean << 1u, 3098164009u) + 4u) >> 3u;
  var term = exp2_word(-i32(exponent), 0);
  var cumulated = term;
  var n = 0u;
  var product = vec2<u32>(0u, 0u);
  for (var k = 0u; k < 48u; k = k + 4u) {
    if (u < cumulated || term == 0u) {
      break;
    }
    product = mul_wide(term, mean);
    term = ((product.y << 5u) | (product.x >> 27u)) / (k + 1u);
    n = n + select(0u, 1u, u >= cumulated && term > 0u);
    cumulated = cumulated + term;
    product = mul_wide(term, mean);
    term = ((product.y << 5u) | (product.x >> 27u)) / (k + 2u);
    n = n + select(0u, 1u, u >= cumulated && term > 0u);
    cumulated = cumulated + term;
    product = mul_wide(term, mean);
    term = ((product.y << 5u) | (product.x >> 27u)) / (k + 3u);
    n = n + select(0u, 1u, u >= cumulated && term > 0u);
    cumulated = cumulated + term;
    product = mul_wide(term, mean);
    term = ((product.y << 5u) | (product.x >> 27u)) / (k + 4u);
    n = n + select(0u, 1u, u >= cumulated && term > 0u);
    cumulated = cumulated + term;
  }
  return n;
}

// round(mean + sqrt(mean) z), not below 0. sqrt of the mean in Q8 is Q19 below 2^31; times |z| in Q28: Q15 below 2^29.7.
fn poisson_normal(whole: u32, fraction: u32, word: u32) -> u32 {
  let z = normal_q24(word);
  let deviation = sqrt_q30((whole << 8u) | (fraction >> 24u));
  let size = i32(mul_high_round(u32(abs(z)) << 4u, deviation));
  let offset = select(size, -size, z < 0) + i32(fraction >> 17u) + 0x4000;
  return u32(max(i32(whole) + (offset >> 15u), 0));
}

fn poisson_leap(whole: u32, fraction: u32, word: u32) -> u32 {
  if (whole < 12u) {
    return poisson_inverse((whole << 27u) | (fraction >> 5u), word);
  }
  return poisson_normal(whole, fraction, word);
}
