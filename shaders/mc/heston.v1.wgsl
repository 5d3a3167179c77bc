// mc@1/heston.v1: price of a European option under Heston's stochastic variance, full-truncation Euler scheme.
//
// Formula: with V+ = max(V, 0), s = sqrt(V+), normals z, w:
//   log2 S += -V+ dt log2 e / 2 + s sqrt(dt) log2 e z
//   V      += kappa (theta - V+) dt + xi s sqrt(dt) (rho z + sqrt(1 - rho^2) w)
// and log2(S_T / S_0) = that sum + (rate - dividend_yield) T log2 e. In fixed point, every product rounded to nearest:
//   v   Q29, clamped to |v| <= 2^30;  s = floor(sqrt(V+)) in Q30, below 2^31
//   x   = log2 sum in Q26, clamped to |x| <= 2^30; clamps count as saturations
// z and w of step t (from 0): words 2 (t mod 2) and the next of Philox counter (t / 2, path low, path high, 0).
// The plan proves that no step adds 2^30 or more to v or x (kernel/ops/mc-heston/plan.ts).
// One invocation runs paths_per_invocation paths of a shard of 2^log2_shard_paths and adds its sums to the leaf.
// Loop iterations: paths_per_invocation (ceil(steps / 2) + 1) <= 32768 by the host.
//
// Bindings: 0 uniform Params; 1 output, one slot of 528 words a shard (prelude/tally.wgsl): outcome = payoff, control =
// ratio at maturity, both Q(F), F = 30 - ratio_top; bin = payoff >> bin_shift; 2 normal table; 3 exp2 table.
//!include dispatch
//!include philox
//!include normal
//!include growth
//!include sqrt
//!include tally

const LIMIT: i32 = 0x40000000;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  log2_shard_paths: u32, //!range 4 .. 20
  paths_per_invocation: u32, //!range 1 .. 1024
  steps: u32, //!range 1 .. 4096
  // i32, initial variance, Q29.
  variance: u32,
  // sqrt(dt) log2 e, Q31, below 2^30.
  price_noise: u32,
  // dt log2 e / 2, Q32.
  price_drift: u32,
  // kappa dt, Q31, at most 2^31.
  reversion: u32,
  // kappa theta dt, Q61: floor in Q29, and the fraction.
  pull: u32,
  pull_fraction: u32,
  // xi sqrt(dt), Q34.
  variance_noise: u32,
  // |rho| and sqrt(1 - rho^2), Q31, at most 2^31; 1 where rho is negative.
  correlation: u32,
  correlation_rest: u32,
  correlation_negative: u32,
  // i32, drift to maturity, Q26, |.| <= 2^29.
  total_drift: u32,
  // 1: put; 0: call.
  put: u32,
  // strike / spot, Q(F), at most 2^30.
  strike: u32,
  // L - 1, 0 .. 19: ratios are below 2^L.
  ratio_top: u32,
  // 0 .. 31.
  bin_shift: u32,
  padding: u32,
  padding_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

struct State {
  x: i32,
  v: i32,
  // Fraction of kappa theta dt carried to the next step, Q61.
  fraction: u32,
  saturated: u32,
}

fn signed(magnitude: u32, negative: bool) -> i32 {
  return select(i32(magnitude), -i32(magnitude), negative);
}

// One step; where it does not count, the state stays as it is.
fn heston_step(state: ptr<function, State>, word_z: u32, word_w: u32, counts: bool) {
  let z = normal_q24(word_z);
  let w = normal_q24(word_w);
  // |z| < 2^27: shifted, Q28 below 2^31.
  let z_size = u32(abs(z)) << 4u;
  let w_size = u32(abs(w)) << 4u;
  // 2 V+ in Q30, at most 2^31; s below 1.5 * 2^30, doubled a word in Q31.
  let v_plus = u32(max((*state).v, 0)) << 1u;
  let s = sqrt_q30(v_plus) << 1u;

  // Q27: 6.34 * 1.42 < 16. Then Q26.
  let shock = mul_high_round(mul_high_round(z_size, s), params.price_noise);
  let drift = (mul_high_round(v_plus, params.price_drift) + 8u) >> 4u;
  let x = (*state).x - i32(drift) + signed(shock, z < 0);

  // rho z + sqrt(1 - rho^2) w in Q27: below 6.34 * 1.42.
  let mixed = signed(mul_high_round(z_size, params.correlation), (z < 0) != (params.correlation_negative == 1u)) +
    signed(mul_high_round(w_size, params.correlation_rest), w < 0);
  // Q28 below 2^32 times Q31: Q27, below 6.34 * 2 < 16. Then Q29.
  let noise = mul_high_round(mul_high_round(u32(abs(mixed)) << 1u, s), params.variance_noise);
  let fraction = (*state).fraction + params.pull_fraction;
  let pull = i32(params.pull) + select(0, 1, fraction < params.pull_fraction);
  let v = (*state).v - i32(mul_high_round(v_plus, params.reversion)) + pull + signed(noise, mixed < 0);

  let x_kept = clamp(x, -LIMIT, LIMIT);
  let v_kept = clamp(v, -LIMIT, LIMIT);
  let clamps = select(0u, 1u, x != x_kept) + select(0u, 1u, v != v_kept);
  (*state).x = select((*state).x, x_kept, counts);
  (*state).v = select((*state).v, v_kept, counts);
  (*state).fraction = select((*state).fraction, fraction, counts);
  (*state).saturated = (*state).saturated + select(0u, clamps, counts);
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let slot = gid.y * params.dispatch.slot_words;
  let log2_paths = params.log2_shard_paths & 31u;
  let shard_paths = select(1u << log2_paths, params.last_paths, shard == params.last_shard);
  let first = i * params.paths_per_invocation;
  let end = min(first + params.paths_per_invocation, shard_paths);
  let key = vec2<u32>(params.key_low, params.key_high);
  let shard_low = shard << log2_paths;
  let path_high = shard >> ((32u - log2_paths) & 31u);

  var tally = Tally();
  for (var path = first; path < end; path = path + 1u) {
    var state = State(0, i32(params.variance), 0x80000000u, 0u);
    for (var step = 0u; step < params.steps; step = step + 2u) {
      let words = philox4x32(vec4<u32>((step >> 1u), shard_low | path, path_high, 0u), key);
      heston_step(&state, words.x, words.y, true);
      heston_step(&state, words.z, words.w, step + 1u < params.steps);
    }
    // |x + drift| <= 2^30 + 2^29; Q26 to Q24, a half up.
    let ratio = exp2_word((state.x + i32(params.total_drift) + 2) >> 2u, i32(params.ratio_top));
    // Both below 2^31: the difference is an i32.
    let gain = i32(ratio) - i32(params.strike);
    let payoff = u32(max(select(gain, -gain, params.put == 1u), 0));
    tally.saturated = tally.saturated + state.saturated + select(0u, 1u, ratio == SATURATED);
    tally_add(&tally, slot, payoff, payoff >> (params.bin_shift & 31u), ratio);
  }
  tally_store(tally, slot);
}
