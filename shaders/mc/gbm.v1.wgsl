// mc@1/gbm.v1: price of a European or arithmetic-average Asian option under geometric Brownian motion.
//
// Formula: log2(S_t / S_0) = drift t + (volatility sqrt(dt) log2 e) (z_1 + ... + z_t), t = 1 .. steps, z from Philox
// counter ((t - 1) / 4, path low, path high, 0), four normals a block, in order. In fixed point:
//   sum      of the normals: Q24 in two limbs;  scaled = (sum << 8) >> normal_shift, |scaled| < 2^31 by the plan
//   x        = drift(t) + sign * round(|scaled| volatility / 2^32), Q(x_bits), |x| < 2^30 by the plan
//   ratio    = S_t / S_0 in Q(F), F = 31 - L: exp2 of x's fraction in Q30, shifted right by L - 1 - floor(x) with a
//              half rounded up; saturates at 2^31 - 1 from 2^L on, and is counted
//   average  = round((sum of ratios >> average_shift) average_factor / 2^32), Asian only
//   payoff   = max(average or terminal ratio - strike, 0) in Q(F), its negative for a put
// One invocation runs paths_per_invocation paths of a shard of 2^log2_shard_paths, and adds its sums to the leaf.
// Loop iterations: at most 2 paths_per_invocation (ceil(steps / 4) + 1), which the host keeps at 32,768 or below.
//
// A software driver runs both sides of an if for every invocation, and skips only loops that have ended: so Philox
// stands in no condition, the two styles are two loops, and the last block of four normals is masked.
//
// Bindings: 0 uniform Params; 1 output, one slot of 528 words a shard: [paths, zero payoffs, saturated ratios,
// largest payoff, sum of payoffs (4 limbs), sum of squared payoffs (4 limbs), sum of terminal ratios (4 limbs),
// 512 bins of the nonzero payoffs, bin = min(payoff >> bin_shift, 511)]; 2 normal table; 3 exp2 table.
//!include dispatch
//!include philox
//!include normal
//!include exp2
//!include limbs

const SATURATED: u32 = 0x7fffffffu;
const LAST_BIN: u32 = 511u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  // Paths of the last shard, at most 2^log2_shard_paths.
  last_paths: u32, //!range 1 .. 1048576
  log2_shard_paths: u32, //!range 6 .. 20
  paths_per_invocation: u32, //!range 1 .. 1024
  steps: u32, //!range 1 .. 4096
  // 1: the average of the steps' prices; 0: the price at maturity.
  asian: u32, //!range 0 .. 1
  normal_shift: u32, //!range 4 .. 16
  // volatility sqrt(dt) log2 e, Q(x_bits + normal_shift).
  volatility: u32,
  x_bits: u32, //!range 16 .. 24
  // European: 0. Asian: fraction of the drift of a step, Q(x_bits + 32).
  drift_fraction: u32,
  // i32, Q(x_bits). European: drift to maturity, rounded. Asian: floor of the drift of a step.
  drift: u32,
  // 1: put; 0: call.
  put: u32, //!range 0 .. 1
  // strike / spot, Q(F).
  strike: u32, //!range 0 .. 2147483647
  // L - 1.
  ratio_shift: u32, //!range 0 .. 19
  // ceil(log2 steps) - 1, and floor(2^(32 + average_shift) / steps), for Asian.
  average_shift: u32, //!range 0 .. 11
  average_factor: u32,
  bin_shift: u32, //!range 0 .. 31
  padding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

// What does not change along a path, read from the uniform once.
struct Formats {
  volatility: u32,
  // scaled = (sum << 8) >> normal_shift = sum * sum_factor >> sum_shift, where the factor is 1 or the shift is 0.
  sum_factor: i32,
  sum_shift: u32,
  // 2^sum_shift - 1
  sum_mask: i32,
  x_bits: u32,
  // 2^x_bits - 1 and 2^(24 - x_bits): a fraction of x to Q24.
  fraction_mask: u32,
  fraction_factor: u32,
  ratio_shift: i32,
}

// A path's sum of normals between two blocks of four: scaled = whole exactly, and rest < 2^sum_shift <= 2^8 is what
// the shift leaves. Within a block rest grows by at most 4 * 6.34 * 2^24 < 2^29; where sum_factor is not 1, its
// product is a part of the plan's bound on |scaled|, below 2^31.
struct Walk {
  whole: i32,
  rest: i32,
}

// Sums over an invocation's paths: paths_per_invocation * 2^31 < 2^64; squares < 2^62 each, in 96 bits.
struct Tally {
  zeros: u32,
  saturated: u32,
  largest: u32,
  payoffs: vec2<u32>,
  squares: vec2<u32>,
  squares_top: u32,
  terminals: vec2<u32>,
}

// The prices of an Asian option's path.
struct Average {
  // Of the steps so far, in two limbs. It begins at one half of the last place, so that the high limb is the rounded
  // drift.
  drift: vec2<u32>,
  last: u32,
  sum: vec2<u32>,
  saturated: u32,
}

// A whole number of scaled steps moves from rest to whole.
fn carry(walk: ptr<function, Walk>, f: Formats) {
  (*walk).whole = (*walk).whole + ((*walk).rest >> f.sum_shift);
  (*walk).rest = (*walk).rest & f.sum_mask;
}

// log2(S_t / S_0) in Q(x_bits) from the scaled sum of normals and the drift.
fn log2_ratio(scaled: i32, drift: i32, f: Formats) -> i32 {
  let part = i32(mul_high_round(u32(abs(scaled)), f.volatility));
  return drift + select(part, -part, scaled < 0);
}

// 2^(x / 2^x_bits) in Q(F), or SATURATED. Any x is safe.
fn price_ratio(x: i32, f: Formats) -> u32 {
  let down = f.ratio_shift - (x >> f.x_bits);
  // Twice a Q30 value below 2^31 is a word; a half rounded up, after the last bit but one is off.
  let twice = 2u * exp2_q30((u32(x) & f.fraction_mask) * f.fraction_factor);
  let rounded = ((twice >> min(u32(down), 31u)) + 1u) >> 1u;
  return select(select(rounded, 0u, down > 31), SATURATED, down < 0);
}

// One step of an Asian path; only where it counts does it show in anything but walk and drift.
fn average_step(
  average: ptr<function, Average>,
  walk: ptr<function, Walk>,
  word: u32,
  counts: bool,
  step_drift: vec2<u32>,
  f: Formats,
) {
  // Beyond the last step rest may wrap, and is not used.
  (*walk).rest = (*walk).rest + normal_q24(word) * f.sum_factor;
  (*average).drift = add_wide((*average).drift, step_drift);
  let scaled = (*walk).whole + ((*walk).rest >> f.sum_shift);
  let ratio = price_ratio(log2_ratio(scaled, i32((*average).drift.y), f), f);
  let counted = select(0u, ratio, counts);
  (*average).last = select((*average).last, ratio, counts);
  (*average).sum = add_wide((*average).sum, vec2<u32>(counted, 0u));
  (*average).saturated = (*average).saturated + select(0u, 1u, counted == SATURATED);
}

fn add_path(tally: ptr<function, Tally>, slot: u32, settled: u32, terminal: u32, saturated: u32) {
  (*tally).saturated = (*tally).saturated + saturated;
  (*tally).terminals = add_wide((*tally).terminals, vec2<u32>(terminal, 0u));
  // Both below 2^31: the difference is an i32.
  let gain = i32(settled) - i32(params.strike);
  let payoff = u32(max(select(gain, -gain, params.put == 1u), 0));
  if (payoff == 0u) {
    (*tally).zeros = (*tally).zeros + 1u;
  } else {
    (*tally).largest = max((*tally).largest, payoff);
    (*tally).payoffs = add_wide((*tally).payoffs, vec2<u32>(payoff, 0u));
    let before = (*tally).squares.y;
    (*tally).squares = add_wide((*tally).squares, mul_wide(payoff, payoff));
    (*tally).squares_top = (*tally).squares_top + select(0u, 1u, (*tally).squares.y < before);
    add_limb(slot + 16u + min(payoff >> params.bin_shift, LAST_BIN), 1u);
  }
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let slot = gid.y * params.dispatch.slot_words;
  let log2_paths = params.log2_shard_paths;
  let shard_paths = select(1u << log2_paths, params.last_paths, shard == params.last_shard);
  let first = i * params.paths_per_invocation;
  let end = min(first + params.paths_per_invocation, shard_paths);
  if (first >= end) {
    return;
  }

  let key = vec2<u32>(params.key_low, params.key_high);
  let shard_low = shard << log2_paths;
  let path_high = shard >> (32u - log2_paths);
  let steps = i32(params.steps);
  let normal_shift = params.normal_shift;
  let sum_shift = max(normal_shift, 8u) - 8u;
  let sum_factor = 1 << (8u - min(normal_shift, 8u));
  let sum_mask = (1 << sum_shift) - 1;
  let f = Formats(
    params.volatility,
    sum_factor,
    sum_shift,
    sum_mask,
    params.x_bits,
    (1u << params.x_bits) - 1u,
    1u << (24u - params.x_bits),
    i32(params.ratio_shift),
  );
  let asian = params.asian == 1u;
  let european_end = select(end, first, asian);
  let asian_end = select(first, end, asian);
  var tally = Tally();

  let drift = i32(params.drift);
  for (var path = first; path < european_end; path = path + 1u) {
    // A Walk, in variables of its own: drivers keep a structure that is pointed at in memory.
    var whole = 0;
    var rest = 0;
    for (var step = 0; step < steps; step = step + 4) {
      let words = philox4x32(vec4<u32>(u32(step) >> 2u, shard_low | path, path_high, 0u), key);
      let left = steps - step;
      let four = normal_q24(words.x) + select(0, normal_q24(words.y), left > 1) +
        select(0, normal_q24(words.z), left > 2) + select(0, normal_q24(words.w), left > 3);
      rest = rest + four * sum_factor;
      whole = whole + (rest >> sum_shift);
      rest = rest & sum_mask;
    }
    let ratio = price_ratio(log2_ratio(whole, drift, f), f);
    add_path(&tally, slot, ratio, ratio, select(0u, 1u, ratio == SATURATED));
  }

  let step_drift = vec2<u32>(params.drift_fraction, params.drift);
  // average_shift <= 11; << 32 below cannot occur, because the high word is 0 where average_shift is 0.
  let average_shift = params.average_shift;
  let average_factor = params.average_factor;
  for (var path = first; path < asian_end; path = path + 1u) {
    var walk = Walk(0, 0);
    var average = Average(vec2<u32>(0x80000000u, 0u), 0u, vec2<u32>(0u, 0u), 0u);
    for (var step = 0; step < steps; step = step + 4) {
      let words = philox4x32(vec4<u32>(u32(step) >> 2u, shard_low | path, path_high, 0u), key);
      let left = steps - step;
      average_step(&average, &walk, words.x, true, step_drift, f);
      average_step(&average, &walk, words.y, left > 1, step_drift, f);
      average_step(&average, &walk, words.z, left > 2, step_drift, f);
      average_step(&average, &walk, words.w, left > 3, step_drift, f);
      carry(&walk, f);
    }
    // The sum is below 2^(32 + average_shift): shifted, it is a word.
    let sum = average.sum;
    let mean = (sum.x >> average_shift) | ((sum.y << 1u) << (31u - average_shift));
    let settled = mul_high_round(mean, average_factor);
    add_path(&tally, slot, settled, average.last, average.saturated);
  }

  add_limb(slot, end - first);
  add_limb(slot + 1u, tally.zeros);
  add_limb(slot + 2u, tally.saturated);
  atomicMax(&output[slot + 3u], tally.largest);
  add_limbs_128(slot + 4u, tally.payoffs.x, tally.payoffs.y, 0u);
  add_limbs_128(slot + 8u, tally.squares.x, tally.squares.y, tally.squares_top);
  add_limbs_128(slot + 12u, tally.terminals.x, tally.terminals.y, 0u);
}
