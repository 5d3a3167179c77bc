// floor((high 2^32 + low) / divisor) for high < divisor, so that it is a word: restoring division, 32 iterations. The twin
// is divideWide of kernel/numerics/u32.ts. Whatever the words, it divides by nothing.
fn divide_wide(high: u32, low: u32, divisor: u32) -> u32 {
  var rest = high;
  var quotient = 0u;
  for (var bit = 0u; bit < 32u; bit = bit + 1u) {
    // The bit that leaves the word stands for 2^32, which is above any divisor.
    let over = rest >> 31u;
    rest = (rest << 1u) | ((low >> (31u - bit)) & 1u);
    let fits = over == 1u || rest >= divisor;
    rest = select(rest, rest - divisor, fits);
    quotient = (quotient << 1u) | select(0u, 1u, fits);
  }
  return quotient;
}
