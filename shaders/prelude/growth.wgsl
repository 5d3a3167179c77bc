// Powers of two over many octaves as fixed-point words. Definition: exp2Word of kernel/numerics/exp2.ts.
//!include exp2

const SATURATED: u32 = 0x7fffffffu;

// 2^x in Q(30 - top) for x in Q24, a half rounded up; SATURATED, which is no other value, where 2^x >= 2^(top + 1). Any x and
// top >= -128 are safe.
fn exp2_word(x: i32, top: i32) -> u32 {
  let down = top - (x >> 24u);
  // Twice a Q30 value below 2^31 is a word; a half is rounded up after all bits but one are off.
  let twice = 2u * exp2_q30(u32(x) & 0xffffffu);
  let rounded = ((twice >> min(u32(down), 31u)) + 1u) >> 1u;
  return select(select(rounded, 0u, down > 31), SATURATED, down < 0);
}
