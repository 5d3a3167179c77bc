// ensemble@1/ising.v1: replicas of the two-dimensional Ising model on a periodic L x L lattice, L = 4, 8, 16 or 32.
//
// Formula: Metropolis on a checkerboard. A sweep updates the sites with even x + y, then those with odd: a spin with k of
// its four neighbours alike flips for k <= 2, with probability e^(-4 J / T) for k = 3 and e^(-8 J / T) for k = 4, by a word
// below a threshold. The word of site (x, y): word (x / 2) mod 4 of Philox counter (((2 sweep + colour) 32 + y) 4 + x / 8,
// replica low, 0, 0), sweep from 0. A random start has row y = word 0 of counter (y, replica low, 0, 1).
// After burn_in sweeps each interval-th sweep is measured: A, the pairs of alike neighbours of 2 L^2, and M, the sum of
// spins of +-1. A row is a word, bit x set for spin up; the neighbours of a row are counted for all its sites at once.
// One invocation computes one replica. Loop iterations: 1024 (1 + 2 * 8 + 8) + 32 <= 25632.
//
// Bindings: 0 uniform Params; 1 output, one slot of 96 words a shard: [replicas, measurements, 0, 0], then four limbs each
// of the sums of A, A^2, |M|, M^2, M^4 over measurements, and over replicas of the squares of the replica's sums of A
// and |M|; then 64 bins of M, bin = min((M + L^2) >> bin_shift, 63).
//!include dispatch
//!include philox
//!include limbs

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 0 .. 15.
  log2_shard_paths: u32,
  // L, a power of two, 4 .. 32.
  size: u32,
  // burn_in + measured, at most 1024.
  sweeps: u32,
  burn_in: u32,
  // At least 1.
  interval: u32,
  // Acceptance where three, and where four neighbours are alike, of 2^32.
  accept_three: u32,
  accept_four: u32,
  // 1: a random start; 0: all spins up.
  random_start: u32,
  bin_shift: u32,
  padding: u32,
  padding_2: u32,
  padding_3: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

struct Replica {
  low: u32,
  key: vec2<u32>,
  // 2^L - 1, and L - 1.
  row_mask: u32,
  last: u32,
}

// Bits below a threshold, at even places of the low byte: word j of a block at bit 2 j.
fn below(words: vec4<u32>, threshold: u32) -> u32 {
  return select(0u, 1u, words.x < threshold) | select(0u, 4u, words.y < threshold) |
    select(0u, 16u, words.z < threshold) | select(0u, 64u, words.w < threshold);
}

// The row with each bit x at place (x + 1) mod L, and at (x - 1) mod L.
fn to_left(row: u32, replica: Replica) -> u32 {
  return ((row << 1u) | (row >> (replica.last & 31u))) & replica.row_mask;
}

fn to_right(row: u32, replica: Replica) -> u32 {
  return ((row >> 1u) | (row << (replica.last & 31u))) & replica.row_mask;
}

// Updates the sites of a colour in one row. half = 2 sweep + colour.
fn update_row(rows: ptr<function, array<u32, 32>>, y: u32, half: u32, replica: Replica) {
  let row = (*rows)[y & 31u];
  let above = (*rows)[((y + replica.last) & replica.last) & 31u];
  let under = (*rows)[((y + 1u) & replica.last) & 31u];
  let block = (half * 32u + y) * 4u;
  // Wider lattices only: uniform conditions.
  var words = philox4x32(vec4<u32>(block, replica.low, 0u, 0u), replica.key);
  var three = below(words, params.accept_three);
  var four = below(words, params.accept_four);
  if (params.size > 8u) {
    words = philox4x32(vec4<u32>(block + 1u, replica.low, 0u, 0u), replica.key);
    three = three | (below(words, params.accept_three) << 8u);
    four = four | (below(words, params.accept_four) << 8u);
  }
  if (params.size > 16u) {
    words = philox4x32(vec4<u32>(block + 2u, replica.low, 0u, 0u), replica.key);
    three = three | (below(words, params.accept_three) << 16u);
    four = four | (below(words, params.accept_four) << 16u);
    words = philox4x32(vec4<u32>(block + 3u, replica.low, 0u, 0u), replica.key);
    three = three | (below(words, params.accept_three) << 24u);
    four = four | (below(words, params.accept_four) << 24u);
  }
  // Sites of the colour stand at even x in even rows for colour 0.
  let odd = (y ^ half) & 1u;
  let sites = (0x55555555u << odd) & replica.row_mask;
  // Neighbours alike, site by site: two half adders.
  let a = ~(row ^ above);
  let b = ~(row ^ under);
  let c = ~(row ^ to_left(row, replica));
  let d = ~(row ^ to_right(row, replica));
  let all_four = a & b & c & d;
  let just_three = (a & b & (c ^ d)) | ((a ^ b) & c & d);
  let stays = (all_four & ~(four << odd)) | (just_three & ~(three << odd));
  (*rows)[y & 31u] = row ^ (sites & ~stays);
}

// Sums over a replica's measurements: at most 1024 of A <= 2048, A^2 <= 2^22, |M| <= 2^10, M^2 <= 2^20; M^4 in 64 bits.
struct Sums {
  measurements: u32,
  alike: u32,
  alike_squares: u32,
  magnetisation: u32,
  squares: u32,
  fourths: vec2<u32>,
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
  let size = params.size;
  // A replica's index is below 2^24.
  let replica = Replica(
    (shard << log2_paths) | i,
    vec2<u32>(params.key_low, params.key_high),
    select((1u << (size & 31u)) - 1u, 0xffffffffu, size == 32u),
    size - 1u,
  );
  var rows = array<u32, 32>();
  for (var y = 0u; y < 32u; y = y + 1u) {
    let random = philox4x32(vec4<u32>(y, replica.low, 0u, 1u), replica.key).x;
    rows[y] = select(0xffffffffu, random, params.random_start == 1u) & replica.row_mask;
  }
  var sums = Sums();
  var due = params.burn_in + params.interval;
  for (var sweep = 0u; sweep < 1024u; sweep = sweep + 1u) {
    if (sweep >= params.sweeps) {
      break;
    }
    for (var y = 0u; y < 32u; y = y + 4u) {
      if (y >= size) {
        break;
      }
      update_row(&rows, y, 2u * sweep, replica);
      update_row(&rows, y + 1u, 2u * sweep, replica);
      update_row(&rows, y + 2u, 2u * sweep, replica);
      update_row(&rows, y + 3u, 2u * sweep, replica);
    }
    for (var y = 0u; y < 32u; y = y + 4u) {
      if (y >= size) {
        break;
      }
      update_row(&rows, y, 2u * sweep + 1u, replica);
      update_row(&rows, y + 1u, 2u * sweep + 1u, replica);
      update_row(&rows, y + 2u, 2u * sweep + 1u, replica);
      update_row(&rows, y + 3u, 2u * sweep + 1u, replica);
    }
    if (sweep + 1u == due) {
      due = due + params.interval;
      var up = 0u;
      var alike = 0u;
      for (var y = 0u; y < 32u; y = y + 4u) {
        if (y >= size) {
          break;
        }
        let r0 = rows[y];
        let r1 = rows[y + 1u];
        let r2 = rows[y + 2u];
        let r3 = rows[y + 3u];
        let r4 = rows[((y + 4u) & replica.last) & 31u];
        up = up + countOneBits(r0) + countOneBits(r1) + countOneBits(r2) + countOneBits(r3);
        alike = alike + countOneBits(~(r0 ^ r1) & replica.row_mask) + countOneBits(~(r1 ^ r2) & replica.row_mask) +
          countOneBits(~(r2 ^ r3) & replica.row_mask) + countOneBits(~(r3 ^ r4) & replica.row_mask) +
          countOneBits(~(r0 ^ to_left(r0, replica)) & replica.row_mask) +
          countOneBits(~(r1 ^ to_left(r1, replica)) & replica.row_mask) +
          countOneBits(~(r2 ^ to_left(r2, replica)) & replica.row_mask) +
          countOneBits(~(r3 ^ to_left(r3, replica)) & replica.row_mask);
      }
      let sites = size * size;
      let m = u32(abs(i32(2u * up) - i32(sites)));
      let square = m * m;
      sums.measurements = sums.measurements + 1u;
      sums.alike = sums.alike + alike;
      sums.alike_squares = sums.alike_squares + alike * alike;
      sums.magnetisation = sums.magnetisation + m;
      sums.squares = sums.squares + square;
      sums.fourths = add_wide(sums.fourths, mul_wide(square, square));
      add_limb(slot + 32u + min((2u * up) >> (params.bin_shift & 31u), 63u), 1u);
    }
  }
  add_limb(slot, 1u);
  add_limb(slot + 1u, sums.measurements);
  add_limbs_128(slot + 4u, sums.alike, 0u, 0u);
  add_limbs_128(slot + 8u, sums.alike_squares, 0u, 0u);
  add_limbs_128(slot + 12u, sums.magnetisation, 0u, 0u);
  add_limbs_128(slot + 16u, sums.squares, 0u, 0u);
  add_limbs_128(slot + 20u, sums.fourths.x, sums.fourths.y, 0u);
  let alike_square = mul_wide(sums.alike, sums.alike);
  add_limbs_128(slot + 24u, alike_square.x, alike_square.y, 0u);
  let magnetisation_square = mul_wide(sums.magnetisation, sums.magnetisation);
  add_limbs_128(slot + 28u, magnetisation_square.x, magnetisation_square.y, 0u);
}
