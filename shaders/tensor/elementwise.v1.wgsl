// tensor@1/elementwise.v1: an operation on each pair of elements of two integer tensors, rounded, shifted, saturated.
//
// Formula: v = a op b exactly (op: add, subtract, multiply, least, greatest, magnitude of the difference; and, or, xor of
// the 32-bit words), y = clamp(round(v / 2^shift), least, greatest), a half upwards; how often clamp changes a value is
// counted. v is a sign and a magnitude of 64 bits: |a|, |b| <= 2^32 - 1, so |a + b| < 2^33 and |a b| < 2^64 - 2^32; the
// half of at most 2^30 that rounds does not carry out of it.
// One invocation computes RUN = 16 elements.
//
// Bindings: 0 uniform Params; 1 output, one slot a shard: shard_elements words of elements, then one word a run with how
// many of them were saturated; 4 a, 5 b, one word an element. b repeats after b_length elements.
//!include dispatch
//!include wide

const RUN: u32 = 16u;
const SUBTRACT: u32 = 1u;
const MULTIPLY: u32 = 2u;
const LEAST: u32 = 3u;
const GREATEST: u32 = 4u;
const DISTANCE: u32 = 5u;
const AND: u32 = 6u;
const OR: u32 = 7u;
const XOR: u32 = 8u;

struct Params {
  dispatch: Dispatch,
  operation: u32,
  length: u32,
  b_length: u32,
  shard_elements: u32,
  // 0x80000000 where elements are signed, else 0.
  a_bias: u32,
  b_bias: u32,
  result_bias: u32,
  // 0 .. 31.
  shift: u32,
  // Magnitudes of the greatest and the least element of the result's type.
  greatest: u32,
  least: u32,
  padding_a: u32,
  padding_b: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> outputs: array<u32>;
@group(0) @binding(4) var<storage, read> a_words: array<u32>;
@group(0) @binding(5) var<storage, read> b_words: array<u32>;

// A number as its sign and magnitude.
struct Signed {
  negative: bool,
  size: vec2<u32>,
}

fn number(word: u32, bias: u32) -> Signed {
  let negative = (word & bias) != 0u;
  return Signed(negative, vec2<u32>(select(word, 0u - word, negative), 0u));
}

// a + b for magnitudes of one word each.
fn sum(a: Signed, b: Signed) -> Signed {
  let alike = a.negative == b.negative;
  let both = add_wide(a.size, b.size);
  let a_larger = a.size.x >= b.size.x;
  let rest = select(b.size.x - a.size.x, a.size.x - b.size.x, a_larger);
  return Signed(
    select(select(b.negative, a.negative, a_larger), a.negative, alike),
    select(vec2<u32>(rest, 0u), both, alike),
  );
}

// Bits as an element of the result's type.
fn bits(word: u32) -> Signed {
  return number(word, params.result_bias);
}

fn operate(a_word: u32, b_word: u32) -> Signed {
  let a = number(a_word, params.a_bias);
  let b = number(b_word, params.b_bias);
  let difference = sum(a, Signed(!b.negative, b.size));
  let a_less = difference.negative && (difference.size.x | difference.size.y) != 0u;
  switch params.operation {
    case SUBTRACT: {
      return difference;
    }
    case MULTIPLY: {
      return Signed(a.negative != b.negative, mul_wide(a.size.x, b.size.x));
    }
    case LEAST: {
      return Signed(select(b.negative, a.negative, a_less), select(b.size, a.size, a_less));
    }
    case GREATEST: {
      return Signed(select(a.negative, b.negative, a_less), select(a.size, b.size, a_less));
    }
    case DISTANCE: {
      return Signed(false, difference.size);
    }
    case AND: {
      return bits(a_word & b_word);
    }
    case OR: {
      return bits(a_word | b_word);
    }
    case XOR: {
      return bits(a_word ^ b_word);
    }
    default: {
      return sum(a, b);
    }
  }
}

// round(v / 2^shift), a half upwards: for a negative number, a half towards zero of its magnitude.
fn shifted(v: Signed, shift: u32) -> vec2<u32> {
  let half = (1u << shift) >> 1u;
  let lift = select(half, max(half, 1u) - 1u, v.negative);
  let raised = add_wide(v.size, vec2<u32>(lift, 0u));
  // A shift by 32 - 0 is two shifts.
  return vec2<u32>((raised.x >> shift) | ((raised.y << 1u) << (31u - shift)), raised.y >> shift);
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let slot = gid.y * params.dispatch.slot_words;
  let first = (params.dispatch.first_shard + gid.y) * params.shard_elements;
  let shift = params.shift & 31u;
  let b_length = max(params.b_length, 1u);
  let last = max(params.length, 1u) - 1u;
  var saturated = 0u;
  for (var step = 0u; step < RUN; step = step + 1u) {
    let at = i * RUN + step;
    let element = min(first + at, last);
    let v = operate(a_words[element], b_words[element % b_length]);
    let size = shifted(v, shift);
    let limit = select(params.greatest, params.least, v.negative);
    let beyond = size.y != 0u || size.x > limit;
    let kept = select(size.x, limit, beyond);
    outputs[slot + at] = select(kept, 0u - kept, v.negative);
    // What lies beyond the end of the last shard is never read.
    saturated = saturated + select(0u, 1u, beyond && first + at <= last);
  }
  outputs[slot + params.shard_elements + i] = saturated;
}
