// mc@1/insurance.v1: an insurer's loss of a year, by claims.
//
// Formula: a year has N claims and M catastrophes, both Poisson; a claim is 2^(m + s z), z normal (lognormal); a
// catastrophe is 2^(a + b (z1^2 + z2^2) / 2) (Pareto: half the sum of two squared normals is a standard exponential).
// Of each the part above its deductible is paid, up to its limit; of their sum, the part above the aggregate
// deductible, up to the aggregate limit. Amounts are whole units of 2^-K currency below 2^31; sums stop at 2^31 - 1,
// which is counted. In fixed point:
//   N   = the number of thresholds below word x of Philox counter (0, year low, year high, 0), M likewise for word y
//   z   four a block of counter (block, year low, year high, 1), in order; for catastrophes of stream 2
//   m + s z and a + b E in Q24, products rounded to nearest; the power as exp2_word has it
// One invocation runs 64 years. Loop iterations: 64 (1 + 8 + 5 + 64 + 16) = 6016.
//
// Bindings: 0 uniform Params; 1 output, one slot of 528 words a shard (prelude/tally.wgsl): outcome = the year's loss,
// control = N + M, bin = log_bin(loss); 2 normal table; 3 exp2 table.
//!include dispatch
//!include philox
//!include normal
//!include growth
//!include component
//!include log-bin
//!include tally

const YEARS_PER_INVOCATION: u32 = 64u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 6 .. 19.
  log2_shard_paths: u32,
  // m: i32 in Q24, |m| <= 2^30. s: Q29, below 8.
  claim_location: u32,
  claim_scale: u32,
  // a: i32 in Q24, -2^30 .. 2^29. b = log2 e / tail index: Q30, at most 1.81.
  catastrophe_location: u32,
  catastrophe_scale: u32,
  // In units, below 2^31; a limit of 2^31 - 1 is none.
  claim_deductible: u32,
  claim_limit: u32,
  catastrophe_limit: u32,
  aggregate_deductible: u32,
  aggregate_limit: u32,
  padding: u32,
  padding_2: u32,
  // N exceeds k where the word exceeds threshold k.
  claim_thresholds: array<vec4<u32>, 64>,
  catastrophe_thresholds: array<vec4<u32>, 8>,
}

@group(0) @binding(0) var<uniform> params: Params;

// How many of thresholds 0 .. 254 lie below the word.
fn claim_count(word: u32) -> u32 {
  var n = 0u;
  var step = 128u;
  for (var k = 0u; k < 8u; k = k + 1u) {
    let at = (n + step - 1u) & 255u;
    n = n + select(0u, step, word > component(params.claim_thresholds[at >> 2u], at));
    step = step >> 1u;
  }
  return n;
}

// How many of thresholds 0 .. 30 lie below the word.
fn catastrophe_count(word: u32) -> u32 {
  var n = 0u;
  var step = 16u;
  for (var k = 0u; k < 5u; k = k + 1u) {
    let at = (n + step - 1u) & 31u;
    n = n + select(0u, step, word > component(params.catastrophe_thresholds[at >> 2u], at));
    step = step >> 1u;
  }
  return n;
}

// The paid part of a gross amount.
fn paid(gross: u32, deductible: u32, limit: u32) -> u32 {
  return min(gross - min(gross, deductible), limit);
}

struct Year {
  sum: u32,
  saturated: u32,
}

// Adds an amount where it counts: both below 2^31, so that the sum is a word.
fn add_loss(year: ptr<function, Year>, gross: u32, deductible: u32, limit: u32, counts: bool) {
  let sum = (*year).sum + select(0u, paid(gross, deductible, limit), counts);
  let beyond = sum > SATURATED || (counts && gross == SATURATED && limit == SATURATED);
  (*year).sum = min(sum, SATURATED);
  (*year).saturated = (*year).saturated + select(0u, 1u, beyond);
}

// 2^(m + s z). |z| in Q28 times s in Q29: Q25 below 2^30.7.
fn claim(word: u32) -> u32 {
  let z = normal_q24(word);
  let size = i32((mul_high_round(u32(abs(z)) << 4u, params.claim_scale) + 1u) >> 1u);
  return exp2_word(i32(params.claim_location) + select(size, -size, z < 0), 30);
}

// z^2 in Q24, below 2^29.4.
fn square_q24(word: u32) -> u32 {
  let size = u32(abs(normal_q24(word))) << 4u;
  return mul_wide(size, size).y;
}

// 2^(a + b E). The sum of squares is E in Q25, below 40.2; doubled a word in Q26, times b in Q30: Q24.
fn catastrophe(first: u32, second: u32) -> u32 {
  let exponential = (square_q24(first) + square_q24(second)) << 1u;
  return exp2_word(i32(params.catastrophe_location) + i32(mul_high_round(exponential, params.catastrophe_scale)), 30);
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
  let first = i * YEARS_PER_INVOCATION;
  let key = vec2<u32>(params.key_low, params.key_high);
  let shard_low = shard << log2_paths;
  let path_high = shard >> ((32u - log2_paths) & 31u);
  var tally = Tally();
  for (var k = 0u; k < YEARS_PER_INVOCATION; k = k + 1u) {
    if (first + k >= shard_paths) {
      break;
    }
    let low = shard_low | (first + k);
    let counts = philox4x32(vec4<u32>(0u, low, path_high, 0u), key);
    let claims = claim_count(counts.x);
    let catastrophes = catastrophe_count(counts.y);
    var year = Year(0u, 0u);
    for (var block = 0u; block < 64u; block = block + 1u) {
      if (4u * block >= claims) {
        break;
      }
      let words = philox4x32(vec4<u32>(block, low, path_high, 1u), key);
      let left = claims - 4u * block;
      add_loss(&year, claim(words.x), params.claim_deductible, params.claim_limit, true);
      add_loss(&year, claim(words.y), params.claim_deductible, params.claim_limit, left > 1u);
      add_loss(&year, claim(words.z), params.claim_deductible, params.claim_limit, left > 2u);
      add_loss(&year, claim(words.w), params.claim_deductible, params.claim_limit, left > 3u);
    }
    for (var block = 0u; block < 16u; block = block + 1u) {
      if (2u * block >= catastrophes) {
        break;
      }
      let words = philox4x32(vec4<u32>(block, low, path_high, 2u), key);
      add_loss(&year, catastrophe(words.x, words.y), 0u, params.catastrophe_limit, true);
      add_loss(&year, catastrophe(words.z, words.w), 0u, params.catastrophe_limit, catastrophes > 2u * block + 1u);
    }
    let loss = paid(year.sum, params.aggregate_deductible, params.aggregate_limit);
    tally.saturated = tally.saturated + year.saturated;
    tally_add(&tally, slot, loss, log_bin(loss), claims + catastrophes);
  }
  tally_store(tally, slot);
}
