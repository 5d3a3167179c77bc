// mc@1/portfolio.v1: loss of a portfolio of up to 16 correlated positions over a horizon.
//
// Formula: y = L z with the rows of the lower triangular factor L of the correlations, z normal. With Student's tails
// u_i = y_i sqrt((nu - 2) / chi2), chi2 a sum of nu squared normals, else u_i = y_i. With each position's drift and
// volatility over the horizon, its return is drift + volatility u ("simple") or 2^(that, in log2) - 1 ("log"); the loss
// is minus the weighted sum of returns, weights relative to the gross exposure. In fixed point:
//   y        Q26, a sum of products rounded to nearest: |y| <= 6.34 * 4 because a row's squares sum to 1
//   chi2     Q21, each square rounded;  g = floor(sqrt(floor((nu - 2) 2^41 / chi2) in Q20)) in Q26, below 64: less than
//            64^-2 of chi2 / (nu - 2) saturates and is counted
//   u        = round(|y| g / 2^32) in Q20 (g = 1 for normal tails);  volatility u in Q25, at most 32, else counted
//   return   Q25: a ratio below 64 from exp2, or the sum itself;  loss Q24, rounded a position: |loss| <= 2^30 + 16
// Normals: z from Philox counter (block, path low, path high, 0), those of chi2 from stream 1, four a block, in order.
// One invocation runs 64 paths. Loop iterations: 64 (1 + 4 + 16 * 4 + 16 + 8 + 32) = 8000.
//
// Bindings: 0 uniform Params; 1 output, one slot of 976 words a shard: [paths, saturated values, 0, largest of
// loss + 2^31, sum of (loss + 2^31) (4 limbs), sum of squared losses (4 limbs), 4 zeros, 192 bins of all losses, 256 times
// (losses, sum of loss - tail_start (2 limbs)) over the bins of losses >= tail_start]; 2 normal table; 3 exp2 table.
//!include dispatch
//!include philox
//!include normal
//!include growth
//!include sqrt
//!include divide
//!include limbs

const PATHS_PER_INVOCATION: u32 = 64u;
const LIMIT: u32 = 0x40000000u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 6 .. 19.
  log2_shard_paths: u32,
  // 1 .. 16.
  positions: u32,
  // 1: log returns; 0: simple.
  log_returns: u32,
  // nu, 3 .. 30; 0 for normal tails.
  degrees: u32,
  // i32, Q24: losses from here on are summed by bin of 2^tail_shift.
  tail_start: u32,
  tail_shift: u32,
  // i32, Q24: the lowest edge of the 192 bins of 2^body_shift.
  body_start: u32,
  body_shift: u32,
  // L by rows of 16, i32 Q30.
  rows: array<vec4<i32>, 64>,
  // volatility Q32; drift i32, Q24 (log2) or Q25 (simple); |weight| Q31; 1 where the weight is negative.
  terms: array<vec4<u32>, 16>,
}

@group(0) @binding(0) var<uniform> params: Params;

struct Tally {
  paths: u32,
  saturated: u32,
  largest: u32,
  sum: vec2<u32>,
  squares: vec2<u32>,
}

fn signed(magnitude: u32, negative: bool) -> i32 {
  return select(i32(magnitude), -i32(magnitude), negative);
}

// round(l z) for l in Q30 and z in Q24, in Q26: |z| 2^4 < 2^31.
fn product(l: i32, z: i32) -> i32 {
  return signed(mul_high_round(u32(abs(l)), u32(abs(z)) << 4u), (l < 0) != (z < 0));
}

fn products(l: vec4<i32>, z: vec4<i32>) -> i32 {
  return product(l.x, z.x) + product(l.y, z.y) + product(l.z, z.z) + product(l.w, z.w);
}

fn normals(words: vec4<u32>) -> vec4<i32> {
  return vec4<i32>(normal_q24(words.x), normal_q24(words.y), normal_q24(words.z), normal_q24(words.w));
}

// z^2 in Q21, below 2^26.4.
fn square_q21(z: i32) -> u32 {
  let size = u32(abs(z)) << 4u;
  return (mul_wide(size, size).y + 4u) >> 3u;
}

// sqrt((degrees - 2) / chi2) in Q26, chi2 of the path's normals of stream 1.
fn student_scale(tally: ptr<function, Tally>, path: vec2<u32>, key: vec2<u32>) -> u32 {
  let degrees = i32(params.degrees);
  // 30 squares stay below 2^31.4.
  var chi2 = 0u;
  for (var first = 0; first < 32; first = first + 4) {
    if (first >= degrees) {
      break;
    }
    let z = normals(philox4x32(vec4<u32>(u32(first) >> 2u, path, 1u), key));
    let left = degrees - first;
    chi2 = chi2 + square_q21(z.x) + select(0u, square_q21(z.y), left > 1) + select(0u, square_q21(z.z), left > 2) +
      select(0u, square_q21(z.w), left > 3);
  }
  let high = u32(max(degrees - 2, 0)) << 9u;
  let within = high < chi2;
  (*tally).saturated = (*tally).saturated + select(1u, 0u, within);
  let ratio = select(0xffffffffu, divide_wide(high, 0u, chi2), within);
  return sqrt_q30(ratio) << 1u;
}

// The return of a position in Q25 from u in Q20.
fn position_return(tally: ptr<function, Tally>, size: u32, negative: bool, terms: vec4<u32>) -> i32 {
  let wide = mul_wide(size, terms.x);
  let within = wide.y < 0x02000000u;
  let twice = select(0x7fffffffu, (wide.y << 6u) | (wide.x >> 26u), within);
  // Q25, at most 2^30.
  let spread = signed((twice >> 1u) + (twice & 1u), negative);
  let drift = i32(terms.y);
  let growth = exp2_word(drift + ((spread + 1) >> 1u), 5);
  let is_log = params.log_returns == 1u;
  let beyond = !within || (is_log && growth == SATURATED);
  (*tally).saturated = (*tally).saturated + select(0u, 1u, beyond);
  return select(drift + spread, i32(growth) - 0x02000000, is_log);
}

fn run_path(tally: ptr<function, Tally>, slot: u32, path: vec2<u32>, key: vec2<u32>) {
  let positions = min(params.positions, 16u);
  var z = array<vec4<i32>, 4>();
  for (var block = 0u; block < 4u; block = block + 1u) {
    if (4u * block >= positions) {
      break;
    }
    z[block] = normals(philox4x32(vec4<u32>(block, path, 0u), key));
  }
  var scale = LIMIT >> 4u;
  if (params.degrees > 0u) {
    scale = student_scale(tally, path, key);
  }
  var loss = 0;
  for (var i = 0u; i < 16u; i = i + 1u) {
    if (i >= positions) {
      break;
    }
    let y = products(params.rows[4u * i], z[0]) + products(params.rows[4u * i + 1u], z[1]) +
      products(params.rows[4u * i + 2u], z[2]) + products(params.rows[4u * i + 3u], z[3]);
    let terms = params.terms[i];
    let gain = position_return(tally, mul_high_round(u32(abs(y)), scale), y < 0, terms);
    // |gain| < 2^31.
    let part = mul_high_round(u32(abs(gain)), terms.z);
    loss = loss - signed(part, (gain < 0) != (terms.w == 1u));
  }

  (*tally).paths = (*tally).paths + 1u;
  let biased = u32(loss) ^ 0x80000000u;
  (*tally).largest = max((*tally).largest, biased);
  (*tally).sum = add_wide((*tally).sum, vec2<u32>(biased, 0u));
  // 64 squares of at most 2^60.1 stay below 2^67: the carry goes to the leaf by path.
  let size = u32(abs(loss));
  (*tally).squares = add_wide((*tally).squares, mul_wide(size, size));
  if ((*tally).squares.y >= LIMIT) {
    add_limbs_128(slot + 8u, (*tally).squares.x, (*tally).squares.y, 0u);
    (*tally).squares = vec2<u32>(0u, 0u);
  }
  let body = (loss - i32(params.body_start)) >> (params.body_shift & 31u);
  add_limb(slot + 16u + u32(clamp(body, 0, 191)), 1u);
  if (loss >= i32(params.tail_start)) {
    let above = u32(loss - i32(params.tail_start));
    let at = slot + 208u + 3u * min(above >> (params.tail_shift & 31u), 255u);
    add_limb(at, 1u);
    let carry = add_limb(at + 1u, above);
    add_limb(at + 2u, carry);
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
  let log2_paths = params.log2_shard_paths & 31u;
  let shard_paths = select(1u << log2_paths, params.last_paths, shard == params.last_shard);
  let first = i * PATHS_PER_INVOCATION;
  let key = vec2<u32>(params.key_low, params.key_high);
  let shard_low = shard << log2_paths;
  let path_high = shard >> ((32u - log2_paths) & 31u);
  var tally = Tally();
  for (var k = 0u; k < PATHS_PER_INVOCATION; k = k + 1u) {
    if (first + k < shard_paths) {
      run_path(&tally, slot, vec2<u32>(shard_low | (first + k), path_high), key);
    }
  }
  add_limb(slot, tally.paths);
  add_limb(slot + 1u, tally.saturated);
  atomicMax(&output[slot + 3u], tally.largest);
  add_limbs_128(slot + 4u, tally.sum.x, tally.sum.y, 0u);
  add_limbs_128(slot + 8u, tally.squares.x, tally.squares.y, 0u);
}
