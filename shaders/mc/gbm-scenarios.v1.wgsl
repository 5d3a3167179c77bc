// mc@1/gbm.v1 for digital, barrier and lookback options, and for every style with Greeks: one set of paths, valued once
// under the contract's terms and twice for each Greek under changed ones.
//
// Formula: the walk of a path under the terms of a scenario is that of shaders/mc/gbm.v1.wgsl, word for word, from
// log2(spot / the contract's spot) on; the European and Asian prices of this kernel are those of that one. The normals
// depend on path and step alone, so that all scenarios share them. Of each walk: last, highest, lowest ratio (the start
// included) and the rounded average, all in Q(F), below 2^31. Then
//   gain     = (last, average, highest or lowest) - (strike or last), its negative where `negate`
//   payoff   = max(gain, 0); digital: 2^30 where gain > 0 (negate: where it is not); barrier: that where the option
//              exists at the end, else the rebate. It exists where highest >= barrier (up) or lowest <= barrier (down)
//              equals `pays_if_hit`
//   value    = round(payoff weight / 2^32): discounted to the larger discount factor of the pair
// Pass 0 is the price. Passes 1 to 5, delta, gamma, vega, rho, theta, sum plus - minus over the path's two walks, for
// gamma (up + down) - 2 base, as the sums of its positive and of its negative values and of its squares.
// One invocation runs paths_per_invocation paths of a shard of 2^log2_shard_paths, pass by pass. Loop iterations: at
// most 6 paths_per_invocation (1 + 3 (1 + ceil(steps / 4))), which the host keeps at 32,768 or below.
//
// That kernel's text is what the replay keys of its contracts stand for: it stays as it is, and its functions are
// repeated here.
//
// Bindings: 0 uniform Params; 1 output, one slot of 528 words a shard as that kernel's, [paths, zero payoffs, saturated
// ratios of all walks, largest payoff, sum of payoffs (4 limbs), of their squares (4), of terminal ratios (4), 512 bins],
// then for each Greek 12: [sum of positive differences (4 limbs), of negative ones (4), of squares (4)]; 2 normal table;
// 3 exp2 table.
//!include dispatch
//!include philox
//!include normal
//!include exp2
//!include limbs

const SATURATED: u32 = 0x7fffffffu;
const LAST_BIN: u32 = 511u;
const DIGITAL_PAYOFF: u32 = 0x40000000u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32, //!range 1 .. 1048576
  log2_shard_paths: u32, //!range 6 .. 20
  paths_per_invocation: u32, //!range 1 .. 1024
  // 1: the price alone; 6: Greeks too.
  passes: u32, //!range 1 .. 6
  // One of them is the number of steps, the other 0: whether prices on the way count.
  watched_steps: u32, //!range 0 .. 4096
  unwatched_steps: u32, //!range 0 .. 4096
  normal_shift: u32, //!range 4 .. 16
  x_bits: u32, //!range 16 .. 24
  // L - 1.
  ratio_shift: u32, //!range 0 .. 19
  // ceil(log2 steps) - 1, and floor(2^(32 + average_shift) / steps), for Asian.
  average_shift: u32, //!range 0 .. 11
  average_factor: u32,
  bin_shift: u32, //!range 0 .. 31
  // strike, barrier, rebate over the spot, Q(F).
  strike: u32, //!range 0 .. 2147483647
  barrier: u32,
  rebate: u32,
  // What the gain is of: 0 last, 1 average, 2 highest, 3 lowest.
  subject: u32, //!range 0 .. 3
  // 1: the gain is over the last ratio; 0: over the strike.
  against_last: u32, //!range 0 .. 1
  negate: u32, //!range 0 .. 1
  digital: u32, //!range 0 .. 1
  // 0: none; 1: up; 2: down.
  barrier_kind: u32, //!range 0 .. 2
  pays_if_hit: u32, //!range 0 .. 1
  // Three legs for each of six passes, two rows a leg: volatility Q(x_bits + normal_shift); drift of a step,
  // Q(x_bits + 32), fraction and floor; log2 of the start, i32 Q(x_bits) | the same with the drift of all steps; start
  // ratio Q(F); weight Q32; times the value is added to plus, and four times those to minus.
  legs: array<vec4<u32>, 36>,
}

@group(0) @binding(0) var<uniform> params: Params;

struct Formats {
  // scaled = (sum << 8) >> normal_shift = sum * sum_factor >> sum_shift, where the factor is 1 or the shift is 0.
  sum_factor: i32,
  sum_shift: u32,
  sum_mask: i32,
  x_bits: u32,
  // 2^x_bits - 1 and 2^(24 - x_bits): a fraction of x to Q24.
  fraction_mask: u32,
  fraction_factor: u32,
  ratio_shift: i32,
}

// The scaled sum of normals between two blocks of four: whole exactly, and rest < 2^sum_shift <= 2^8 is what the shift
// leaves. Within a block rest grows by at most 4 * 6.34 * 2^24 < 2^29; where sum_factor is not 1, its product is a part
// of the plan's bound on |scaled|, below 2^31.
struct Walk {
  whole: i32,
  rest: i32,
  // Of the steps so far from the start, in two limbs, and one half of the last place: the high limb is rounded.
  drift: vec2<u32>,
  last: u32,
  highest: u32,
  lowest: u32,
  sum: vec2<u32>,
  saturated: u32,
}

// A pass over an invocation's paths: at most 2^10 values below 2^32, and their squares below 2^64, in 96 bits.
struct Pass {
  plus: vec2<u32>,
  minus: vec2<u32>,
  squares: vec2<u32>,
  squares_top: u32,
}

fn log2_ratio(scaled: i32, drift: i32, volatility: u32) -> i32 {
  let part = i32(mul_high_round(u32(abs(scaled)), volatility));
  return drift + select(part, -part, scaled < 0);
}

// 2^(x / 2^x_bits) in Q(F), or SATURATED. Any x is safe.
fn price_ratio(x: i32, f: Formats) -> u32 {
  let down = f.ratio_shift - (x >> f.x_bits);
  let twice = 2u * exp2_q30((u32(x) & f.fraction_mask) * f.fraction_factor);
  let rounded = ((twice >> min(u32(down), 31u)) + 1u) >> 1u;
  return select(select(rounded, 0u, down > 31), SATURATED, down < 0);
}

// One step whose price counts; only where `counts` does it show in anything but rest and drift.
fn watched_step(
  walk: ptr<function, Walk>,
  word: u32,
  counts: bool,
  step_drift: vec2<u32>,
  volatility: u32,
  f: Formats,
) {
  // Beyond the last step rest may wrap, and is not used.
  (*walk).rest = (*walk).rest + normal_q24(word) * f.sum_factor;
  (*walk).drift = add_wide((*walk).drift, step_drift);
  let scaled = (*walk).whole + ((*walk).rest >> f.sum_shift);
  let ratio = price_ratio(log2_ratio(scaled, i32((*walk).drift.y), volatility), f);
  (*walk).last = select((*walk).last, ratio, counts);
  let counted = (*walk).last;
  (*walk).highest = max((*walk).highest, counted);
  (*walk).lowest = min((*walk).lowest, counted);
  (*walk).sum = add_wide((*walk).sum, vec2<u32>(select(0u, ratio, counts), 0u));
  (*walk).saturated = (*walk).saturated + select(0u, 1u, counts && ratio == SATURATED);
}

// The scaled sum so far moves from rest to whole.
fn carry(walk: ptr<function, Walk>, f: Formats) {
  (*walk).whole = (*walk).whole + ((*walk).rest >> f.sum_shift);
  (*walk).rest = (*walk).rest & f.sum_mask;
}

// What a finished walk pays, in Q(F) of the contract's spot.
fn payoff_of(walk: Walk) -> u32 {
  // The sum is below 2^(32 + average_shift): shifted, it is a word. average_shift 0: the high word is 0.
  let mean = (walk.sum.x >> params.average_shift) | ((walk.sum.y << 1u) << (31u - params.average_shift));
  let average = mul_high_round(mean, params.average_factor);
  let of_end = select(walk.last, average, params.subject == 1u);
  let subject = select(of_end, select(walk.highest, walk.lowest, params.subject == 3u), params.subject >= 2u);
  // Both below 2^31: the difference is an i32.
  let gain = i32(subject) - i32(select(params.strike, walk.last, params.against_last == 1u));
  let plain = u32(max(select(gain, -gain, params.negate == 1u), 0));
  let above = select(0u, 1u, gain > 0);
  let settled = select(plain, select(0u, DIGITAL_PAYOFF, above != params.negate), params.digital == 1u);
  let hit = select(walk.lowest <= params.barrier, walk.highest >= params.barrier, params.barrier_kind == 1u);
  let exists = params.barrier_kind == 0u || select(0u, 1u, hit) == params.pays_if_hit;
  return select(params.rebate, settled, exists);
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
  let watched = i32(params.watched_steps);
  let unwatched = i32(params.unwatched_steps);
  let normal_shift = params.normal_shift;
  let sum_shift = max(normal_shift, 8u) - 8u;
  let f = Formats(
    1 << (8u - min(normal_shift, 8u)),
    sum_shift,
    (1 << sum_shift) - 1,
    params.x_bits,
    (1u << params.x_bits) - 1u,
    1u << (24u - params.x_bits),
    i32(params.ratio_shift),
  );
  var zeros = 0u;
  var largest = 0u;
  var saturated = 0u;
  var terminals = vec2<u32>(0u, 0u);

  for (var pass_index = 0u; pass_index < params.passes; pass_index = pass_index + 1u) {
    let leg_count = select(select(2u, 3u, pass_index == 2u), 1u, pass_index == 0u);
    var sums = Pass();
    for (var path = first; path < end; path = path + 1u) {
      var plus = 0u;
      var minus = 0u;
      for (var leg = 0u; leg < leg_count; leg = leg + 1u) {
        let row = 6u * min(pass_index, 5u) + 2u * leg;
        let a = params.legs[row];
        let b = params.legs[row + 1u];
        var walk = Walk(0, 0, vec2<u32>(0x80000000u, a.w), b.y, b.y, b.y, vec2<u32>(0u, 0u), 0u);
        for (var step = 0; step < unwatched; step = step + 4) {
          let words = philox4x32(vec4<u32>(u32(step) >> 2u, shard_low | path, path_high, 0u), key);
          let left = unwatched - step;
          let four = normal_q24(words.x) + select(0, normal_q24(words.y), left > 1) +
            select(0, normal_q24(words.z), left > 2) + select(0, normal_q24(words.w), left > 3);
          walk.rest = walk.rest + four * f.sum_factor;
          carry(&walk, f);
        }
        if (unwatched > 0) {
          walk.last = price_ratio(log2_ratio(walk.whole, i32(b.x), a.x), f);
          walk.saturated = select(0u, 1u, walk.last == SATURATED);
        }
        let step_drift = vec2<u32>(a.y, a.z);
        for (var step = 0; step < watched; step = step + 4) {
          let words = philox4x32(vec4<u32>(u32(step) >> 2u, shard_low | path, path_high, 0u), key);
          let left = watched - step;
          watched_step(&walk, words.x, true, step_drift, a.x, f);
          watched_step(&walk, words.y, left > 1, step_drift, a.x, f);
          watched_step(&walk, words.z, left > 2, step_drift, a.x, f);
          watched_step(&walk, words.w, left > 3, step_drift, a.x, f);
          carry(&walk, f);
        }
        let value = mul_high_round(payoff_of(walk), b.z);
        // At most twice a value below 2^31, or two such values: words.
        plus = plus + value * (b.w & 3u);
        minus = minus + value * (b.w >> 2u);
        saturated = saturated + walk.saturated;
        terminals = add_wide(terminals, vec2<u32>(select(0u, walk.last, pass_index == 0u), 0u));
      }
      let size = max(plus, minus) - min(plus, minus);
      sums.plus = add_wide(sums.plus, vec2<u32>(select(0u, size, plus > minus), 0u));
      sums.minus = add_wide(sums.minus, vec2<u32>(select(0u, size, plus < minus), 0u));
      // A square is at most 2^64 - 2^33 + 1: where the sum wraps, its high word falls.
      let before = sums.squares.y;
      sums.squares = add_wide(sums.squares, mul_wide(size, size));
      sums.squares_top = sums.squares_top + select(0u, 1u, sums.squares.y < before);
      if (pass_index == 0u) {
        zeros = zeros + select(0u, 1u, size == 0u);
        largest = max(largest, size);
        add_limb(slot + 16u + min(size >> params.bin_shift, LAST_BIN), select(1u, 0u, size == 0u));
      }
    }
    // The price has no negative values, and its sums stand among the moments.
    let is_price = pass_index == 0u;
    let at = slot + select(516u + 12u * pass_index, 4u, is_price);
    add_limbs_128(at, sums.plus.x, sums.plus.y, 0u);
    add_limbs_128(at + select(4u, 8u, is_price), select(sums.minus.x, terminals.x, is_price), select(sums.minus.y, terminals.y, is_price), 0u);
    add_limbs_128(at + select(8u, 4u, is_price), sums.squares.x, sums.squares.y, sums.squares_top);
  }

  add_limb(slot, end - first);
  add_limb(slot + 1u, zeros);
  add_limb(slot + 2u, saturated);
  atomicMax(&output[slot + 3u], largest);
}
