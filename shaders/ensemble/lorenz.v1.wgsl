// ensemble@1/lorenz.v1: an ensemble forecast with the chaotic system of Lorenz (1963).
//
// Formula: dx/dt = sigma (y - x), dy/dt = x (rho - z) - y, dz/dt = x y - beta z, by the classical Runge-Kutta method of
// fourth order, from a start that each run perturbs by a normal error. In fixed point, x, y, z over 64 in Q29, each product
// rounded to nearest, a half away from zero:
//   k = dt times the derivative, clamped to |k| <= 2^28;  states, also within a step, are clamped to 2^29, that is 64;
//   next = state + round((k1 + 2 k2 + 2 k3 + k4) / 6);  a clamp that acts counts as a saturation
// The errors of x, y, z are the first three normals of Philox counter (0, run low, 0, 0).
// One invocation computes one run. Loop iterations: 4096 at most.
//
// Bindings: 0 uniform Params; 1 output, one slot of 904 words a shard: [runs, saturations (2 limbs), 0, sums of the last x, y, z plus
// 2^29 (2 limbs each), 6 zeros], then the fan (prelude/fan.wgsl) of the chosen coordinate plus 2^29 after step
// floor((k + 1) steps / 24), k = 0 .. 23, bin = min(it >> 24, 63); 2 normal table.
//!include dispatch
//!include philox
//!include normal
//!include fan

const LIMIT: i32 = 0x20000000;
const SLOPE_LIMIT: i32 = 0x10000000;
// round(2^32 / 6)
const SIXTH: u32 = 715827883u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 0 .. 15.
  log2_shard_paths: u32,
  // 24 .. 4096.
  steps: u32,
  // i32, Q29, below 2^28.7 in magnitude.
  x: u32,
  y: u32,
  z: u32,
  // Of an error, so that round(z_Q28 it / 2^32) is in Q29: at most 2^27.
  error: u32,
  // sigma dt, dt, beta dt, 32 dt in Q32: at most 0.4, 0.02, 0.1, 0.64.
  sigma: u32,
  step: u32,
  beta: u32,
  coupling: u32,
  // rho dt in Q29: at most 0.7.
  rho: u32,
  // 0, 1, 2: x, y, z is reported.
  coordinate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn signed(magnitude: u32, negative: bool) -> i32 {
  return select(i32(magnitude), -i32(magnitude), negative);
}

// a times a constant in Q32, below 1.
fn scale(a: i32, constant: u32) -> i32 {
  return signed(mul_high_round(u32(abs(a)), constant), a < 0);
}

// The product of two states in Q29: |a| < 2 and |b| < 4.
fn product(a: i32, b: i32) -> i32 {
  return signed(mul_high_round(u32(abs(a)) << 2u, u32(abs(b)) << 1u), (a < 0) != (b < 0));
}

struct Run {
  saturations: u32,
}

// Clamps, and counts a clamp that acts.
fn bounded(run: ptr<function, Run>, v: vec3<i32>, limit: i32) -> vec3<i32> {
  let kept = clamp(v, vec3<i32>(-limit), vec3<i32>(limit));
  (*run).saturations = (*run).saturations + select(0u, 1u, kept.x != v.x) + select(0u, 1u, kept.y != v.y) +
    select(0u, 1u, kept.z != v.z);
  return kept;
}

// dt times the derivative at a state within 2^29: |y - x| <= 2, |rho - z| <= 0.7 + 1.28, so that every term is below 2^30.
fn slope(run: ptr<function, Run>, s: vec3<i32>) -> vec3<i32> {
  let pull = i32(params.rho) - 2 * scale(s.z, params.coupling);
  return bounded(run, vec3<i32>(
    scale(s.y - s.x, params.sigma),
    product(s.x, pull) - scale(s.y, params.step),
    2 * scale(product(s.x, s.y), params.coupling) - scale(s.z, params.beta),
  ), SLOPE_LIMIT);
}

fn runge_kutta(run: ptr<function, Run>, s: vec3<i32>) -> vec3<i32> {
  let k1 = slope(run, s);
  let k2 = slope(run, bounded(run, s + (k1 >> vec3<u32>(1u)), LIMIT));
  let k3 = slope(run, bounded(run, s + (k2 >> vec3<u32>(1u)), LIMIT));
  let k4 = slope(run, bounded(run, s + k3, LIMIT));
  // At most 6 * 2^28.
  let sum = k1 + 2 * k2 + 2 * k3 + k4;
  return bounded(run, s + vec3<i32>(scale(sum.x, SIXTH), scale(sum.y, SIXTH), scale(sum.z, SIXTH)), LIMIT);
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
  if (i >= shard_paths) {
    return;
  }
  // A run's index is below 2^26.
  let words = philox4x32(
    vec4<u32>(0u, (shard << log2_paths) | i, 0u, 0u),
    vec2<u32>(params.key_low, params.key_high),
  );
  // |error| <= 6.34 in the unit of x: below 2^26 in Q29.
  var state = vec3<i32>(i32(params.x), i32(params.y), i32(params.z)) + vec3<i32>(
    scale(normal_q24(words.x) << 4u, params.error),
    scale(normal_q24(words.y) << 4u, params.error),
    scale(normal_q24(words.z) << 4u, params.error),
  );
  var run = Run(0u);
  var time = 0u;
  var report = params.steps / 24u;
  for (var step = 1u; step <= 4096u; step = step + 1u) {
    if (step > params.steps) {
      break;
    }
    state = runge_kutta(&run, state);
    if (step == report) {
      let value = u32(select(select(state.x, state.y, params.coordinate == 1u), state.z, params.coordinate == 2u) + LIMIT);
      fan_add(slot + 16u, time, value, value >> 24u);
      time = time + 1u;
      report = ((time + 1u) * params.steps) / 24u;
    }
  }
  add_limb(slot, 1u);
  add_limb(slot + 2u, add_limb(slot + 1u, run.saturations));
  add_limb(slot + 5u, add_limb(slot + 4u, u32(state.x + LIMIT)));
  add_limb(slot + 7u, add_limb(slot + 6u, u32(state.y + LIMIT)));
  add_limb(slot + 9u, add_limb(slot + 8u, u32(state.z + LIMIT)));
}
