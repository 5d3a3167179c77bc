// ensemble@1/sir.v1: runs of a stochastic epidemic of susceptible, infectious and recovered people.
//
// Formula (tau-leaping, Gillespie 2001): each step draws, Poisson and independent,
//   infections of mean S I beta dt / N, at most S, and recoveries of mean I gamma dt, at most I,
// both from the state before it: S -= infections, I += infections - recoveries. In fixed point:
//   p          = round((I 2^(32 - nb)) force / 2^32), beta dt I / N in Q31, nb the bits of N, force in Q(31 + nb)
//   means      = S p and I recovery, exact products in Q31; the draw as poisson_leap has it, from words x and y of
//                Philox counter (step, run low, run high, 0)
// One invocation computes up to 1024 steps of one run: stage k those from 1024 k + 1 on. Loop iterations: 1024 (1 + 2 * 12) =
// 25600 at most. Where there is more than one stage, five words a run behind the leaf carry it on: [susceptible, infectious,
// peak, its step, times reported].
//
// Bindings: 0 uniform Params; 1 output, one slot of 904 words a shard: [runs, runs with a large outbreak, largest peak, 0, sum
// of people ever infected (2 limbs), its squares (3), sum of peaks of I (2), squares (3), sum of the peaks' steps (2)],
// then the fan (prelude/fan.wgsl) of I after step floor((k + 1) steps / 24), k = 0 .. 23; bin = spread_bin(I >> bin_shift);
// 2 normal table; 3 exp2 table.
//!include dispatch
//!include philox
//!include poisson
//!include fan
//!include state

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 0 .. 15.
  log2_shard_paths: u32,
  // 24 .. 32768.
  steps: u32,
  // Below 2^24.
  susceptible: u32,
  infectious: u32,
  // 32 - nb, 8 .. 31.
  population_shift: u32,
  // beta dt / N in Q(31 + nb).
  force: u32,
  // gamma dt in Q31, below 2^31.
  recovery: u32,
  // Infections that make an outbreak large.
  outbreak: u32,
  bin_shift: u32,
  padding: u32,
  padding_2: u32,
  padding_3: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

const LEAF_WORDS: u32 = 904u;
const STAGE_STEPS: u32 = 1024u;

// 0 .. 3 for the values themselves, then four bins for each power of two: below 64 for values below 2^17.
fn spread_bin(value: u32) -> u32 {
  let below = 29u - countLeadingZeros(value | 4u);
  return select(4u * below + (value >> below), value, value < 4u);
}

// A Poisson draw of mean count * rate, rate in Q31, at most `available`.
fn leap(count: u32, rate: u32, word: u32, available: u32) -> u32 {
  let mean = mul_wide(count, rate);
  return min(poisson_leap((mean.y << 1u) | (mean.x >> 31u), mean.x << 1u, word), available);
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
  let stage = params.dispatch.first_invocation >> log2_paths;
  let run = i & ((1u << log2_paths) - 1u);
  if (run >= shard_paths) {
    return;
  }
  let key = vec2<u32>(params.key_low, params.key_high);
  let low = (shard << log2_paths) | run;
  // A run's index is below 2^26.
  var s = params.susceptible;
  var infectious = params.infectious;
  var peak = infectious;
  var peak_step = 0u;
  var time = 0u;
  let first = STAGE_STEPS * stage;
  let state = slot + LEAF_WORDS + 5u * run;
  if (stage > 0u) {
    s = state_load(state);
    infectious = state_load(state + 1u);
    peak = state_load(state + 2u);
    peak_step = state_load(state + 3u);
    time = state_load(state + 4u);
  }
  var report = ((time + 1u) * params.steps) / 24u;
  for (var k = 1u; k <= STAGE_STEPS; k = k + 1u) {
    let step = first + k;
    if (step > params.steps) {
      break;
    }
    let words = philox4x32(vec4<u32>(step, low, 0u, 0u), key);
    let p = mul_high_round(infectious << (params.population_shift & 31u), params.force);
    let infections = leap(s, p, words.x, s);
    let recoveries = leap(infectious, params.recovery, words.y, infectious);
    s = s - infections;
    infectious = infectious + infections - recoveries;
    peak_step = select(peak_step, step, infectious > peak);
    peak = max(peak, infectious);
    if (step == report) {
      fan_add(slot + 16u, time, infectious, spread_bin(infectious >> (params.bin_shift & 31u)));
      time = time + 1u;
      report = ((time + 1u) * params.steps) / 24u;
    }
  }
  if (first + STAGE_STEPS < params.steps) {
    state_store(state, s);
    state_store(state + 1u, infectious);
    state_store(state + 2u, peak);
    state_store(state + 3u, peak_step);
    state_store(state + 4u, time);
    return;
  }
  let infected = params.infectious + (params.susceptible - s);
  add_limb(slot, 1u);
  add_limb(slot + 1u, select(0u, 1u, infected >= params.outbreak));
  atomicMax(&output[slot + 2u], peak);
  add_limb(slot + 5u, add_limb(slot + 4u, infected));
  let square = mul_wide(infected, infected);
  add_limb(slot + 8u, add_limb_carry(slot + 7u, square.y, add_limb(slot + 6u, square.x)));
  add_limb(slot + 10u, add_limb(slot + 9u, peak));
  let peak_square = mul_wide(peak, peak);
  add_limb(slot + 13u, add_limb_carry(slot + 12u, peak_square.y, add_limb(slot + 11u, peak_square.x)));
  add_limb(slot + 15u, add_limb(slot + 14u, peak_step));
}
