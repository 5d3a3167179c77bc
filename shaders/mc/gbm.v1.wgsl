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
// Loop iterations: paths_per_invocation (steps + 1) <= 32768 by the host.
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
  // Paths of the last shard, 1 .. 2^log2_shard_paths.
  last_paths: u32,
  // 6 .. 20.
  log2_shard_paths: u32,
  paths_per_invocation: u32,
  // 1 .. 4096.
  steps: u32,
  // 1: the average of the steps' prices; 0: the price at maturity.
  asian: u32,
  // 4 .. 16.
  normal_shift: u32,
  // volatility sqrt(dt) log2 e, Q(x_bits + normal_shift).
  volatility: u32,
  // 16 .. 24.
  x_bits: u32,
  // European: 0. Asian: fraction of the drift of a step, Q(x_bits + 32).
  drift_fraction: u32,
  // i32, Q(x_bits). European: drift to maturity, rounded. Asian: floor of the drift of a step.
  drift: u32,
  // 1: put; 0: call.
  put: u32,
  // strike / spot, Q(F), below 2^31.
  strike: u32,
  // L - 1, 0 .. 19.
  ratio_shift: u32,
  // ceil(log2 steps) - 1, and floor(2^(32 + average_shift) / steps), for Asian.
  average_shift: u32,
  average_factor: u32,
  // 0 .. 31.
  bin_shift: u32,
  padding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

// log2(S_t / S_0) in Q(x_bits) from the sum of normals and the drift.
fn log2_ratio(sum: vec2<u32>, drift: i32) -> i32 {
  let high = (sum.y << 8u) | (sum.x >> 24u);
  let low = sum.x << 8u;
  let scaled = i32((low >> params.normal_shift) | (high << (32u - params.normal_shift)));
  let magnitude = select(u32(scaled), u32(-scaled), scaled < 0);
  let part = i32(mul_high_round(magnitude, params.volatility));
  return drift + select(part, -part, scaled < 0);
}

// 2^(x / 2^x_bits) in Q(F), or SATURATED.
fn price_ratio(x: i32) -> u32 {
  let fraction = (u32(x) & ((1u << params.x_bits) - 1u)) << (24u - params.x_bits);
  let down = i32(params.ratio_shift) - (x >> params.x_bits);
  let shift = u32(clamp(down, 0, 31));
  // Below 2^31 + 2^30.
  let rounded = (exp2_q30(fraction) + ((1u << shift) >> 1u)) >> shift;
  return select(select(rounded, 0u, down > 31), SATURATED, down < 0);
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
  let key = vec2<u32>(params.key_low, params.key_high);
  let asian = params.asian == 1u;

  let first = i * params.paths_per_invocation;
  let end = min(first + params.paths_per_invocation, shard_paths);
  if (first >= end) {
    return;
  }
  var zeros = 0u;
  var saturated = 0u;
  var largest = 0u;
  // paths_per_invocation * 2^31 < 2^64; squares < 2^62 each, in 96 bits.
  var payoffs = vec2<u32>(0u, 0u);
  var squares = vec2<u32>(0u, 0u);
  var squares_top = 0u;
  var terminals = vec2<u32>(0u, 0u);

  for (var path = first; path < end; path = path + 1u) {
    let path_low = (shard << log2_paths) | path;
    let path_high = shard >> (32u - log2_paths);
    var words = vec4<u32>(0u, 0u, 0u, 0u);
    var sum = vec2<u32>(0u, 0u);
    var ratio = 0u;
    var ratios = vec2<u32>(0u, 0u);
    // The drift accumulates from one half of the last place, so that its integer part is the rounded drift.
    var drift = vec2<u32>(0x80000000u, 0u);
    for (var step = 0u; step < params.steps; step = step + 1u) {
      if ((step & 3u) == 0u) {
        words = philox4x32(vec4<u32>(step >> 2u, path_low, path_high, 0u), key);
      }
      sum = add_wide(sum, sign_extend(normal_q24(words.x)));
      words = words.yzwx;
      if (asian) {
        drift = add_wide(drift, vec2<u32>(params.drift_fraction, params.drift));
        ratio = price_ratio(log2_ratio(sum, i32(drift.y)));
        saturated = saturated + select(0u, 1u, ratio == SATURATED);
        ratios = add_wide(ratios, vec2<u32>(ratio, 0u));
      }
    }
    var settled = 0u;
    if (asian) {
      // ratios < 2^(32 + average_shift): the shifted sum is a word. average_shift <= 11; << 32 cannot occur, because
      // the high word is 0 where average_shift is 0.
      let shift = params.average_shift;
      let mean = (ratios.x >> shift) | ((ratios.y << 1u) << (31u - shift));
      settled = mul_high_round(mean, params.average_factor);
    } else {
      ratio = price_ratio(log2_ratio(sum, i32(params.drift)));
      saturated = saturated + select(0u, 1u, ratio == SATURATED);
      settled = ratio;
    }
    // Both below 2^31: the difference is an i32.
    let gain = i32(settled) - i32(params.strike);
    let payoff = u32(max(select(gain, -gain, params.put == 1u), 0));

    terminals = add_wide(terminals, vec2<u32>(ratio, 0u));
    if (payoff == 0u) {
      zeros = zeros + 1u;
    } else {
      largest = max(largest, payoff);
      payoffs = add_wide(payoffs, vec2<u32>(payoff, 0u));
      let before = squares.y;
      squares = add_wide(squares, mul_wide(payoff, payoff));
      squares_top = squares_top + select(0u, 1u, squares.y < before);
      add_limb(slot + 16u + min(payoff >> params.bin_shift, LAST_BIN), 1u);
    }
  }

  add_limb(slot, end - first);
  add_limb(slot + 1u, zeros);
  add_limb(slot + 2u, saturated);
  atomicMax(&output[slot + 3u], largest);
  add_limbs_128(slot + 4u, payoffs.x, payoffs.y, 0u);
  add_limbs_128(slot + 8u, squares.x, squares.y, squares_top);
  add_limbs_128(slot + 12u, terminals.x, terminals.y, 0u);
}
