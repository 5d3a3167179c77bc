// The spread of a word over an ensemble at 24 times: 37 words a time in the leaf, [sum (2 limbs), sum of squares (3 limbs), 64
// counts of 16 bits, two a word]. A shard has fewer than 2^16 runs, so that no count leaves its half. The same as
// kernel/ops/fan.ts.
//!include wide
//!include limbs

// One run's value at a time below 24; bins from 63 on are the last. `fan` is the first of the 888 words.
fn fan_add(fan: u32, time: u32, value: u32, bin: u32) {
  let at = fan + 37u * min(time, 23u);
  add_limb(at + 1u, add_limb(at, value));
  let square = mul_wide(value, value);
  let carry = add_limb_carry(at + 3u, square.y, add_limb(at + 2u, square.x));
  add_limb(at + 4u, carry);
  let kept = min(bin, 63u);
  add_limb(at + 5u + (kept >> 1u), 1u << ((kept & 1u) << 4u));
}
