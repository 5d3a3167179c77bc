// ensemble@1/ising.v1: replicas of the two-dimensional Ising model on a periodic L x L lattice, L = 4, 8 .. 256.
//
// Formula: Metropolis on a checkerboard. A sweep updates the sites with even x + y, then those with odd: a spin with k of
// its four neighbours alike flips for k <= 2, with probability e^(-4 J / T) for k = 3 and e^(-8 J / T) for k = 4, by a word
// below a threshold. The word of site (x, y): word (x / 2) mod 4 of Philox counter (((2 sweep + colour) 32 + y) 4 + x / 8,
// replica low, 0, 0), sweep from 0. A random start has row y = word 0 of counter (y, replica low, 0, 1).
// After burn_in sweeps each interval-th sweep is measured: A, the pairs of alike neighbours of 2 L^2, and M, the sum of
// spins of +-1. A row is a word, bit x set for spin up; the neighbours of a row are counted for all its sites at once.
// One invocation computes one replica. Loop iterations: 1024 (1 + 2 (1 + 8) + 8) + 32 <= 27680.
//
// Lattices of 64 and more go through the host in stages, one invocation a row: the start; for each sweep its two colours; for
// each measurement one stage that counts by rows and one that adds up, by row 0. Their word of site (x, y) is word
// (x / 2) mod 4 of counter ((2 sweep + colour) L + y) L / 8 + x / 8. They are kept by colour, behind the leaf: bit j of word w
// of row y of a colour is site x = 64 w + 2 j + ((y + colour) mod 2), so that all neighbours of a colour's bits are words of
// the other colour. A random start has word w = word 0 of counter ((2 y + colour) 4 + w, replica low, 0, 1).
//
// Bindings: 0 uniform Params; 1 output, one slot of 96 words a shard: [replicas, measurements, 0, 0], then four limbs each
// of the sums of A, A^2, |M|, M^2, M^4 over measurements, and over replicas of the squares of the replica's sums of A
// and |M|; then 64 bins of M, bin = min((M + L^2) >> bin_shift, 63).
//!include dispatch
//!include philox
//!include limbs
//!include state

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 0 .. 15.
  log2_shard_paths: u32,
  // L, a power of two, 4 .. 256.
  size: u32,
  // burn_in + measured, at most 1024.
  sweeps: u32,
  burn_in: u32,
  interval: u32, //!range 1 .. 1024
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

const LEAF_WORDS: u32 = 96u;

// One row of a wide lattice.
struct Row {
  // The first word of the replica's state: 2 L L / 64 of spins, then [alike pairs and spins up of this measurement, and over
  // all measurements alike pairs and |M|].
  state: u32,
  y: u32,
  low: u32,
  key: vec2<u32>,
  // L - 1, and words of a colour in a row, less 1.
  last: u32,
  last_word: u32,
}

fn place_of(row: Row, colour: u32, y: u32, w: u32) -> u32 {
  return row.state + ((colour & 1u) * (row.last + 1u) + (y & row.last)) * (row.last_word + 1u) + (w & row.last_word);
}

fn spins(row: Row, colour: u32, y: u32, w: u32) -> u32 {
  return state_load(place_of(row, colour, y, w));
}

// Four bits below a threshold.
fn below_four(words: vec4<u32>, threshold: u32) -> u32 {
  return select(0u, 1u, words.x < threshold) | select(0u, 2u, words.y < threshold) |
    select(0u, 4u, words.z < threshold) | select(0u, 8u, words.w < threshold);
}

// Each bit's other neighbour in the row, of the other colour: that of x + 1 for the sites at odd x, else that of x - 1.
fn beside(row: Row, colour: u32, w: u32, odd: bool) -> u32 {
  let same = spins(row, colour, row.y, w);
  let near = spins(row, colour, row.y, select(w + row.last_word, w + 1u, odd));
  return select((same << 1u) | (near >> 31u), (same >> 1u) | (near << 31u), odd);
}

fn wide_start(row: Row) {
  for (var w = 0u; w < 4u; w = w + 1u) {
    if (w > row.last_word) {
      break;
    }
    for (var colour = 0u; colour < 2u; colour = colour + 1u) {
      let random = philox4x32(vec4<u32>((2u * row.y + colour) * 4u + w, row.low, 0u, 1u), row.key).x;
      state_store(place_of(row, colour, row.y, w), select(0xffffffffu, random, params.random_start == 1u));
    }
  }
}

fn wide_update(row: Row, half: u32) {
  let odd = ((row.y ^ half) & 1u) == 1u;
  let other = (half & 1u) ^ 1u;
  let blocks = (half * (row.last + 1u) + row.y) * ((row.last + 1u) >> 3u);
  for (var w = 0u; w < 4u; w = w + 1u) {
    if (w > row.last_word) {
      break;
    }
    var three = 0u;
    var four = 0u;
    for (var k = 0u; k < 8u; k = k + 1u) {
      let words = philox4x32(vec4<u32>(blocks + 8u * w + k, row.low, 0u, 0u), row.key);
      three = three | (below_four(words, params.accept_three) << (4u * k));
      four = four | (below_four(words, params.accept_four) << (4u * k));
    }
    let at = place_of(row, half, row.y, w);
    let own = state_load(at);
    let a = ~(own ^ spins(row, other, row.y + row.last, w));
    let b = ~(own ^ spins(row, other, row.y + 1u, w));
    let c = ~(own ^ spins(row, other, row.y, w));
    let d = ~(own ^ beside(row, other, w, odd));
    let stays = (a & b & c & d & ~four) | (((a & b & (c ^ d)) | ((a ^ b) & c & d)) & ~three);
    state_store(at, own ^ ~stays);
  }
}

// Pairs alike below each site and to its right, and spins up, added to the replica's.
fn wide_count(row: Row, sums: u32) {
  var alike = 0u;
  var up = 0u;
  // The colour of the sites at even x.
  let even = row.y & 1u;
  for (var w = 0u; w < 4u; w = w + 1u) {
    if (w > row.last_word) {
      break;
    }
    let e = spins(row, even, row.y, w);
    let o = spins(row, even ^ 1u, row.y, w);
    up = up + countOneBits(e) + countOneBits(o);
    alike = alike + countOneBits(~(e ^ spins(row, even ^ 1u, row.y + 1u, w))) +
      countOneBits(~(o ^ spins(row, even, row.y + 1u, w))) + countOneBits(~(e ^ o)) +
      countOneBits(~(o ^ beside(row, even, w, true)));
  }
  add_limb(sums, alike);
  add_limb(sums + 1u, up);
}

// One measurement of a replica: A <= 2^17, |M| <= 2^16.
fn wide_measure(row: Row, slot: u32, sums: u32, is_last: bool) {
  let alike = state_load(sums);
  let up = state_load(sums + 1u);
  state_store(sums, 0u);
  state_store(sums + 1u, 0u);
  let m = u32(abs(i32(2u * up) - i32((row.last + 1u) * (row.last + 1u))));
  let alike_square = mul_wide(alike, alike);
  let square = mul_wide(m, m);
  // Where M^2 is 2^32 its low word is 0, and M^4 is 2^64.
  let fourth = mul_wide(square.x, square.x);
  add_limb(slot + 1u, 1u);
  add_limbs_128(slot + 4u, alike, 0u, 0u);
  add_limbs_128(slot + 8u, alike_square.x, alike_square.y, 0u);
  add_limbs_128(slot + 12u, m, 0u, 0u);
  add_limbs_128(slot + 16u, square.x, square.y, 0u);
  add_limbs_128(slot + 20u, fourth.x, fourth.y, square.y & select(0u, 1u, square.x == 0u));
  add_limb(slot + 32u + min((2u * up) >> (params.bin_shift & 31u), 63u), 1u);
  let alikes = state_load(sums + 2u) + alike;
  let magnetisations = state_load(sums + 3u) + m;
  state_store(sums + 2u, alikes);
  state_store(sums + 3u, magnetisations);
  if (is_last) {
    let all_alike = mul_wide(alikes, alikes);
    let all_magnetisation = mul_wide(magnetisations, magnetisations);
    add_limb(slot, 1u);
    add_limbs_128(slot + 24u, all_alike.x, all_alike.y, 0u);
    add_limbs_128(slot + 28u, all_magnetisation.x, all_magnetisation.y, 0u);
  }
}

// The row of invocation i in its stage.
fn wide(i: u32, shard: u32, slot: u32, shard_paths: u32) {
  let log2_size = 31u - countLeadingZeros(params.size | 1u);
  let log2_paths = params.log2_shard_paths & 15u;
  let log2_stage = min(log2_paths + log2_size, 31u);
  let stage = params.dispatch.first_invocation >> log2_stage;
  let replica = (i & ((1u << log2_stage) - 1u)) >> log2_size;
  if (replica >= shard_paths) {
    return;
  }
  let last = params.size - 1u;
  let spin_words = (params.size * params.size) >> 5u;
  let state = slot + LEAF_WORDS + replica * (spin_words + 4u);
  let key = vec2<u32>(params.key_low, params.key_high);
  let row = Row(state, i & last, (shard << log2_paths) | replica, key, last, (params.size >> 6u) - 1u);
  let sums = state + spin_words;
  if (stage == 0u) {
    wide_start(row);
    return;
  }
  // Half sweeps up to the first measurement's, then 2 interval of them and two stages of measuring, again and again.
  let step = stage - 1u;
  let burn_in = 2u * params.burn_in;
  if (step < burn_in) {
    wide_update(row, step);
    return;
  }
  let halves = 2u * params.interval;
  let round = (step - burn_in) / (halves + 2u);
  let rest = (step - burn_in) % (halves + 2u);
  if (rest < halves) {
    wide_update(row, burn_in + round * halves + rest);
  } else if (rest == halves) {
    wide_count(row, sums);
  } else if (row.y == 0u) {
    wide_measure(row, slot, sums, params.burn_in + (round + 1u) * params.interval >= params.sweeps);
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
  if (params.size > 32u) {
    wide(i, shard, slot, shard_paths);
    return;
  }
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
    for (var colour = 0u; colour < 2u; colour = colour + 1u) {
      let half = 2u * sweep + colour;
      for (var y = 0u; y < 32u; y = y + 4u) {
        if (y >= size) {
          break;
        }
        update_row(&rows, y, half, replica);
        update_row(&rows, y + 1u, half, replica);
        update_row(&rows, y + 2u, half, replica);
        update_row(&rows, y + 3u, half, replica);
      }
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
