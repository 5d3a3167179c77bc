// ensemble@1/bootstrap.v1: a statistic of resamples of a column, drawn with replacement.
//
// Formula: draw j of a resample takes row floor(u n / 2^32), u word j mod 4 of Philox counter (j / 4, resample, 0, 0), n rows,
// at most 2^20. Values are words below 2^24. By statistic:
//   0 mean         the sum of the n values drawn
//   1 quantile     the value of the rank-th smallest row drawn; rows stand in ascending order
//   2 correlation  the sums of x, y, x^2, y^2 and x y: below 2^63; beyond 32,000 rows values are below 2^21
// The rank-th smallest row is found digit by digit of four bits, from the highest, in a pass over the same draws for each.
// One invocation computes one resample of up to 32,000 rows, with four digits. Of more rows a stage takes 32,000 draws: the
// chunks one after the other, for a quantile those of each of five digits. The sums add up in the leaf; for a quantile 18
// words a resample behind the leaf go from stage to stage: [row so far, rank within it, 16 counts of the digit].
// Loop iterations: 24 + 4 (1 + 8000 + 16) = 32092 at most.
//
// Bindings: 0 uniform Params; 1 output, one slot a shard: the operand's 24 words of header, with word 1 replaced by the
// resamples of the shard, then a resample's words: the sum (2), the value and 0, or the five sums (2 each); 4 the operand:
// [n, 0, 22 words that only the host reads], then the values, (x, y) by row for a correlation.
//!include dispatch
//!include philox
//!include atomic64
//!include state

const HEADER: u32 = 24u;
const MOST_ROWS: u32 = 0x100000u;
// Four draws each.
const CHUNK_BLOCKS: u32 = 8000u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  // Resamples of the last shard.
  last_paths: u32,
  log2_shard_paths: u32,
  // 0, 1, 2.
  statistic: u32,
  // p of a quantile in millionths.
  millionths: u32,
  // Chunks of 32,000 draws, at least 1.
  chunks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> column: array<u32>;

struct Draws {
  resample: u32,
  n: u32,
  // The first block of this stage.
  first: u32,
  key: vec2<u32>,
}

// The rows of four draws.
fn rows_of(block: u32, draws: Draws) -> vec4<u32> {
  let words = philox4x32(vec4<u32>(block, draws.resample, 0u, 0u), draws.key);
  return vec4<u32>(
    mul_wide(words.x, draws.n).y,
    mul_wide(words.y, draws.n).y,
    mul_wide(words.z, draws.n).y,
    mul_wide(words.w, draws.n).y,
  );
}

// Four draws below 2^24, of which `left` count.
fn sum_four(rows: vec4<u32>, left: u32) -> u32 {
  return column[HEADER + rows.x] + select(0u, column[HEADER + rows.y], left > 1u) +
    select(0u, column[HEADER + rows.z], left > 2u) + select(0u, column[HEADER + rows.w], left > 3u);
}

fn mean(draws: Draws, at: u32) {
  var sum = vec2<u32>(0u, 0u);
  for (var k = 0u; k < CHUNK_BLOCKS; k = k + 1u) {
    let block = draws.first + k;
    if (4u * block >= draws.n) {
      break;
    }
    sum = add_wide(sum, vec2<u32>(sum_four(rows_of(block, draws), draws.n - 4u * block), 0u));
  }
  atomic_add_64(at, sum);
}

// Counts a row's digit where the digits above it are those found so far.
fn count_digit(counts: ptr<function, array<u32, 16>>, row: u32, above: u32, shift: u32, counts_in: bool) {
  let digit = (row >> (shift & 31u)) & 15u;
  let same = (row >> ((shift + 4u) & 31u)) == above;
  (*counts)[digit] = (*counts)[digit] + select(0u, 1u, same && counts_in);
}

// ceil(p n), at least 1: n millionths < 2^40.
fn rank_of(n: u32) -> u32 {
  return max(quotient(add_wide(mul_wide(n, params.millionths), vec2<u32>(999999u, 0u))), 1u);
}

fn count_chunk(counts: ptr<function, array<u32, 16>>, draws: Draws, above: u32, shift: u32) {
  for (var k = 0u; k < CHUNK_BLOCKS; k = k + 1u) {
    let block = draws.first + k;
    if (4u * block >= draws.n) {
      break;
    }
    let rows = rows_of(block, draws);
    let left = draws.n - 4u * block;
    count_digit(counts, rows.x, above, shift, true);
    count_digit(counts, rows.y, above, shift, left > 1u);
    count_digit(counts, rows.z, above, shift, left > 2u);
    count_digit(counts, rows.w, above, shift, left > 3u);
  }
}

// The digit that the rank falls on; the rank becomes that within it.
fn find_digit(counts: ptr<function, array<u32, 16>>, rank: ptr<function, u32>) -> u32 {
  var found = 0u;
  for (var value = 0u; value < 16u; value = value + 1u) {
    if (*rank <= (*counts)[value]) {
      found = value;
      break;
    }
    *rank = *rank - (*counts)[value];
  }
  return found;
}

// A row that is there, whatever the counts.
fn store_row(row: u32, draws: Draws, at: u32) {
  add_limb(at, column[HEADER + min(row, max(draws.n, 1u) - 1u)]);
}

fn quantile(draws: Draws, at: u32) {
  var rank = rank_of(draws.n);
  var row = 0u;
  for (var digit = 0u; digit < 4u; digit = digit + 1u) {
    var counts = array<u32, 16>();
    count_chunk(&counts, draws, row, 12u - 4u * digit);
    row = (row << 4u) | find_digit(&counts, &rank);
  }
  store_row(row, draws, at);
}

// The same in stages: one chunk of one digit.
fn quantile_stage(draws: Draws, at: u32, state: u32, stage: u32) {
  let chunks = max(params.chunks, 1u);
  let digit = stage / chunks;
  let chunk = stage % chunks;
  var rank = rank_of(draws.n);
  var row = 0u;
  if (digit > 0u) {
    row = state_load(state);
    rank = state_load(state + 1u);
  }
  var counts = array<u32, 16>();
  if (chunk > 0u) {
    for (var value = 0u; value < 16u; value = value + 1u) {
      counts[value] = state_load(state + 2u + value);
    }
  }
  count_chunk(&counts, draws, row, 16u - 4u * min(digit, 4u));
  if (chunk + 1u < chunks) {
    for (var value = 0u; value < 16u; value = value + 1u) {
      state_store(state + 2u + value, counts[value]);
    }
    return;
  }
  row = (row << 4u) | find_digit(&counts, &rank);
  if (digit < 4u) {
    state_store(state, row);
    state_store(state + 1u, rank);
    return;
  }
  store_row(row, draws, at);
}

// floor(value / 10^6) for values below 2^44: by 2^12 first, so that the digits of the long division are words.
fn quotient(value: vec2<u32>) -> u32 {
  let top = (value.y << 20u) | (value.x >> 12u);
  let first = top / 1000000u;
  let rest = ((top - first * 1000000u) << 12u) | (value.x & 0xfffu);
  return (first << 12u) + rest / 1000000u;
}

struct Moments {
  x: vec2<u32>,
  y: vec2<u32>,
  xx: vec2<u32>,
  yy: vec2<u32>,
  xy: vec2<u32>,
}

fn add_pair(moments: ptr<function, Moments>, row: u32, counts: bool) {
  let x = select(0u, column[HEADER + 2u * row], counts);
  let y = select(0u, column[HEADER + 2u * row + 1u], counts);
  (*moments).x = add_wide((*moments).x, vec2<u32>(x, 0u));
  (*moments).y = add_wide((*moments).y, vec2<u32>(y, 0u));
  (*moments).xx = add_wide((*moments).xx, mul_wide(x, x));
  (*moments).yy = add_wide((*moments).yy, mul_wide(y, y));
  (*moments).xy = add_wide((*moments).xy, mul_wide(x, y));
}

fn correlation(draws: Draws, at: u32) {
  var moments = Moments();
  for (var k = 0u; k < CHUNK_BLOCKS; k = k + 1u) {
    let block = draws.first + k;
    if (4u * block >= draws.n) {
      break;
    }
    let rows = rows_of(block, draws);
    let left = draws.n - 4u * block;
    add_pair(&moments, rows.x, true);
    add_pair(&moments, rows.y, left > 1u);
    add_pair(&moments, rows.z, left > 2u);
    add_pair(&moments, rows.w, left > 3u);
  }
  atomic_add_64(at, moments.x);
  atomic_add_64(at + 2u, moments.y);
  atomic_add_64(at + 4u, moments.xx);
  atomic_add_64(at + 6u, moments.yy);
  atomic_add_64(at + 8u, moments.xy);
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
  let resamples = select(1u << log2_paths, params.last_paths, shard == params.last_shard);
  let stage = params.dispatch.first_invocation >> log2_paths;
  let r = i & ((1u << log2_paths) - 1u);
  if (r >= resamples) {
    return;
  }
  if (stage == 0u && r == 0u) {
    for (var word = 0u; word < HEADER; word = word + 1u) {
      add_limb(slot + word, select(column[word], resamples, word == 1u));
    }
  }
  let draws = Draws(
    (shard << log2_paths) | r,
    min(column[0], MOST_ROWS),
    CHUNK_BLOCKS * (stage % max(params.chunks, 1u)),
    vec2<u32>(params.key_low, params.key_high),
  );
  if (params.statistic == 0u) {
    mean(draws, slot + HEADER + 2u * r);
  } else if (params.statistic == 2u) {
    correlation(draws, slot + HEADER + 10u * r);
  } else if (params.chunks < 2u) {
    quantile(draws, slot + HEADER + 2u * r);
  } else {
    quantile_stage(draws, slot + HEADER + 2u * r, slot + HEADER + (2u << log2_paths) + 18u * r, stage);
  }
}
