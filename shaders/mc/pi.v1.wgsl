// mc@1/pi.v1: points of the unit square inside the quarter circle.
//
// Formula: point j has coordinates x, y (u32, in units of 2^-32): words (0, 1) of Philox counter
// (0, low(j >> 1), high(j >> 1), 0) for even j, words (2, 3) for odd j. It is inside when x^2 + y^2 < 2^64, exactly.
// One invocation counts 64 pairs of points (64 loop iterations) of a shard of 2^22 points.
//
// Bindings: 0 uniform Params; 1 output, one slot of 4 words a shard: [points, points inside, 0, 0].
// Params after Dispatch: the Philox key; the index of the last shard and how many points it has (1 .. 2^22).
//!include dispatch
//!include philox
//!include limbs

const LOG2_SHARD_PAIRS: u32 = 21u;
const PAIRS_PER_INVOCATION: u32 = 64u;

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  last_shard: u32,
  last_points: u32, //!range 1 .. 4194304
}

@group(0) @binding(0) var<uniform> params: Params;

// 1 when x^2 + y^2 < 2^64, that is, when the 64-bit sum has no carry; else 0.
fn inside(x: u32, y: u32) -> u32 {
  let xx = mul_wide(x, x);
  let yy = mul_wide(y, y);
  let low = xx.x + yy.x;
  let carry = select(0u, 1u, low < xx.x);
  let high = xx.y + yy.y;
  let wraps = high < xx.y || high + carry < high;
  return select(1u, 0u, wraps);
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let slot = gid.y * params.dispatch.slot_words;
  let points = select(1u << (LOG2_SHARD_PAIRS + 1u), params.last_points, shard == params.last_shard);
  let key = vec2<u32>(params.key_low, params.key_high);

  let first = i * PAIRS_PER_INVOCATION;
  let end = min(first + PAIRS_PER_INVOCATION, (points + 1u) >> 1u);
  var drawn = 0u;
  var hits = 0u;
  for (var pair = first; pair < end; pair = pair + 1u) {
    let low = (shard << LOG2_SHARD_PAIRS) | pair;
    let high = shard >> (32u - LOG2_SHARD_PAIRS);
    let words = philox4x32(vec4<u32>(0u, low, high, 0u), key);
    drawn = drawn + 1u;
    hits = hits + inside(words.x, words.y);
    if (2u * pair + 1u < points) {
      drawn = drawn + 1u;
      hits = hits + inside(words.z, words.w);
    }
  }
  // At most 2^22 a shard: one limb each.
  add_limb(slot, drawn);
  add_limb(slot + 1u, hits);
}
