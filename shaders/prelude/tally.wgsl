// The sums that a Monte Carlo kernel keeps over samples of one outcome in [0, 2^31), and the leaf they end in: 528 words
// [samples, zero outcomes, saturated, largest, sum of outcomes (4 limbs), of their squares (4), of a control (4),
// 512 bins of the nonzero outcomes]. The same as kernel/ops/outcome.ts.
//!include wide
//!include limbs

// Sums of one invocation: fewer than 2^32 samples below 2^31, and their squares, below 2^62 each, in 96 bits.
struct Tally {
  samples: u32,
  zeros: u32,
  saturated: u32,
  largest: u32,
  sum: vec2<u32>,
  squares: vec2<u32>,
  squares_top: u32,
  control: vec2<u32>,
}

// One sample whose bin is below 512. `slot` is the leaf's first word.
fn tally_add(tally: ptr<function, Tally>, slot: u32, outcome: u32, bin: u32, control: u32) {
  (*tally).samples = (*tally).samples + 1u;
  (*tally).control = add_wide((*tally).control, vec2<u32>(control, 0u));
  (*tally).zeros = (*tally).zeros + select(0u, 1u, outcome == 0u);
  (*tally).largest = max((*tally).largest, outcome);
  (*tally).sum = add_wide((*tally).sum, vec2<u32>(outcome, 0u));
  let before = (*tally).squares.y;
  (*tally).squares = add_wide((*tally).squares, mul_wide(outcome, outcome));
  (*tally).squares_top = (*tally).squares_top + select(0u, 1u, (*tally).squares.y < before);
  add_limb(slot + 16u + min(bin, 511u), select(1u, 0u, outcome == 0u));
}

fn tally_store(tally: Tally, slot: u32) {
  add_limb(slot, tally.samples);
  add_limb(slot + 1u, tally.zeros);
  add_limb(slot + 2u, tally.saturated);
  atomicMax(&output[slot + 3u], tally.largest);
  add_limbs_128(slot + 4u, tally.sum.x, tally.sum.y, 0u);
  add_limbs_128(slot + 8u, tally.squares.x, tally.squares.y, tally.squares_top);
  add_limbs_128(slot + 12u, tally.control.x, tally.control.y, 0u);
}
