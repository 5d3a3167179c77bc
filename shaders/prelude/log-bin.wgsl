// Bins of about equal relative width: 0 .. 15 for the values themselves, then sixteen for each power of two. Below 448 for
// words below 2^31. The twin is logBin of kernel/ops/log-bins.ts.
fn log_bin(value: u32) -> u32 {
  let exponent = 31u - countLeadingZeros(value | 16u);
  let below = exponent - 4u;
  return select(16u * below + (value >> below), value, value < 16u);
}
