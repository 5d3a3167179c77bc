// mc@1/eta.v1: travel time of a trip over up to 16 segments, with traffic, weather and incidents.
//
// Formula: segment i takes 2^(m_i + s_i (a z_0 + b z_i)), times 2^w on a day of bad weather; z normal, z_0 the traffic
// that all segments share, a^2 + b^2 = 1. N incidents, Poisson, delay the trip by delay (z^2 + z'^2) / 2 each (an
// exponential time). In whole units of 2^-K minutes below 2^31; sums stop at 2^31 - 1, which is counted. In fixed point:
//   Philox counter (0, trip low, trip high, 0): word x below the threshold is bad weather, N is the number of thresholds
//   below word y, z_0 from word z; z_i from stream 1, four a block, in order; incidents from stream 2, two words each
//   a z_0 + b z_i in Q26, times s_i in Q30: Q24; every product rounded to nearest; the power as exp2_word has it
// One invocation runs 64 trips. Loop iterations: 64 (1 + 5 + 4 + 16) = 1664.
//
// Bindings: 0 uniform Params; 1 output, one slot of 528 words a shard (prelude/tally.wgsl): outcome = time of the trip,
// control = 1 where it is above the deadline, bin = (time - bin_start) >> bin_shift, 0 below; 2 normal table; 3 exp2
// table.
//!include dispatch
//!include philox
//!include normal
//!include growth
//!include component
//!include tally

const TRIPS_PER_INVOCATION: u32 = 64u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_paths: u32,
  // 6 .. 19.
  log2_shard_paths: u32,
  // 1 .. 16.
  segments: u32,
  // a and b, Q30, at most 2^30.
  common_part: u32,
  own_part: u32,
  // Bad weather where the word is below it; w in Q24, at most 3 octaves.
  weather_threshold: u32,
  weather_always: u32,
  weather: u32,
  // In units of 1/64: at most 2^30.
  delay: u32,
  deadline: u32,
  bin_start: u32,
  bin_shift: u32,
  padding: u32,
  // N exceeds k where the word exceeds threshold k.
  thresholds: array<vec4<u32>, 8>,
  // m_i: i32 in Q24, |m_i| <= 2^30; s_i: Q30, below 2; 0; 0.
  terms: array<vec4<u32>, 16>,
}

@group(0) @binding(0) var<uniform> params: Params;

// How many of thresholds 0 .. 30 lie below the word.
fn incident_count(word: u32) -> u32 {
  var n = 0u;
  var step = 16u;
  for (var k = 0u; k < 5u; k = k + 1u) {
    let at = (n + step - 1u) & 31u;
    n = n + select(0u, step, word > component(params.thresholds[at >> 2u], at));
    step = step >> 1u;
  }
  return n;
}

struct Trip {
  time: u32,
  saturated: u32,
}

// Adds a time below 2^31 where it counts.
fn add_time(trip: ptr<function, Trip>, time: u32, counts: bool) {
  let sum = (*trip).time + select(0u, time, counts);
  (*trip).saturated = (*trip).saturated + select(0u, 1u, sum > SATURATED || (counts && time == SATURATED));
  (*trip).time = min(sum, SATURATED);
}

// round(factor z) for a factor in Q30 and z in Q24, in Q26.
fn scaled(factor: u32, z: i32) -> i32 {
  let size = i32(mul_high_round(factor, u32(abs(z)) << 4u));
  return select(size, -size, z < 0);
}

// |a z_0 + b z_i| <= 6.34 sqrt(2) in Q26, below 2^29.2.
fn segment_time(at: u32, shared_part: i32, word: u32, weather: i32) -> u32 {
  let g = shared_part + scaled(params.own_part, normal_q24(word));
  let terms = params.terms[at & 15u];
  let size = i32(mul_high_round(u32(abs(g)), terms.y));
  return exp2_word(i32(terms.x) + select(size, -size, g < 0) + weather, 30);
}

fn square_q24(word: u32) -> u32 {
  let size = u32(abs(normal_q24(word))) << 4u;
  return mul_wide(size, size).y;
}

// The sum of two squares is an exponential in Q25, below 40.2; doubled a word in Q26.
fn incident_delay(first: u32, second: u32) -> u32 {
  return mul_high_round((square_q24(first) + square_q24(second)) << 1u, params.delay);
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
  let first = i * TRIPS_PER_INVOCATION;
  let key = vec2<u32>(params.key_low, params.key_high);
  let shard_low = shard << log2_paths;
  let path_high = shard >> ((32u - log2_paths) & 31u);
  let segments = params.segments;
  var tally = Tally();
  for (var k = 0u; k < TRIPS_PER_INVOCATION; k = k + 1u) {
    if (first + k >= shard_paths) {
      break;
    }
    let low = shard_low | (first + k);
    let words = philox4x32(vec4<u32>(0u, low, path_high, 0u), key);
    let bad = words.x < params.weather_threshold || params.weather_always == 1u;
    let weather = select(0, i32(params.weather), bad);
    let incidents = incident_count(words.y);
    let shared_part = scaled(params.common_part, normal_q24(words.z));
    var trip = Trip(0u, 0u);
    for (var block = 0u; block < 4u; block = block + 1u) {
      let at = 4u * block;
      if (at >= segments) {
        break;
      }
      let own = philox4x32(vec4<u32>(block, low, path_high, 1u), key);
      add_time(&trip, segment_time(at, shared_part, own.x, weather), true);
      add_time(&trip, segment_time(at + 1u, shared_part, own.y, weather), at + 1u < segments);
      add_time(&trip, segment_time(at + 2u, shared_part, own.z, weather), at + 2u < segments);
      add_time(&trip, segment_time(at + 3u, shared_part, own.w, weather), at + 3u < segments);
    }
    for (var block = 0u; block < 16u; block = block + 1u) {
      if (2u * block >= incidents) {
        break;
      }
      let delays = philox4x32(vec4<u32>(block, low, path_high, 2u), key);
      add_time(&trip, incident_delay(delays.x, delays.y), true);
      add_time(&trip, incident_delay(delays.z, delays.w), incidents > 2u * block + 1u);
    }
    tally.saturated = tally.saturated + trip.saturated;
    let above = trip.time - min(trip.time, params.bin_start);
    tally_add(&tally, slot, trip.time, above >> (params.bin_shift & 31u), select(0u, 1u, trip.time > params.deadline));
  }
  tally_store(tally, slot);
}
