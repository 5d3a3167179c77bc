// Conformance probe: what every kernel of the network relies on, on known inputs. The host computes the same with
// kernel/numerics and compares every word; a device that differs anywhere executes nothing for the network.
//
// One invocation takes four words a, b, c, d and stores 16:
//   0-3 Philox of counter (a, b, c, d); 4-5 a b; 6 round(a b / 2^32); 7-8 (a, b) + (c, d) as 64-bit values;
//   9 leading zeros of a >> (d & 31); 10 normal quantile of a, Q24; 11 exp2 of the low 24 bits of b, Q30;
//   12 a >> (d & 31) as signed; 13 the product sum of 16 signed bytes of (a, b, c, d) and (b, c, d, a) in f32;
//   14 a / (b | 1); 15 a mod (b | 1)
// and adds (a, b, c) to a 128-bit sum in the last four words. Loop iterations: 16.
//
// Bindings: 0 uniform Params; 1 output, one slot of 16 words an invocation and 4 for the sum; 2 normal table;
// 3 exp2 table; 4 the words.
//!include dispatch
//!include philox
//!include normal
//!include exp2
//!include limbs

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  // Word at which the 128-bit sum begins.
  sum_at: u32,
  padding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> inputs: array<vec4<u32>>;

// Byte k of a word as a signed number; |.| <= 128, so 16 products sum to at most 2^18: exact in f32 in any order.
fn signed_byte(word: u32, k: u32) -> f32 {
  return f32(i32(word << (24u - 8u * k)) >> 24u);
}

fn product_sum(p: vec4<u32>, q: vec4<u32>) -> u32 {
  var sum = 0.0;
  for (var k = 0u; k < 4u; k = k + 1u) {
    sum = sum + signed_byte(p.x, k) * signed_byte(q.x, k);
    sum = sum + signed_byte(p.y, k) * signed_byte(q.y, k);
    sum = sum + signed_byte(p.z, k) * signed_byte(q.z, k);
    sum = sum + signed_byte(p.w, k) * signed_byte(q.w, k);
  }
  return u32(i32(sum));
}

fn store(at: u32, word: u32) {
  atomicStore(&output[at], word);
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let slot = gid.y * params.dispatch.slot_words;
  let at = slot + 16u * i;
  let v = inputs[i];
  let shift = v.w & 31u;
  let divisor = v.y | 1u;

  let random = philox4x32(v, vec2<u32>(params.key_low, params.key_high));
  store(at, random.x);
  store(at + 1u, random.y);
  store(at + 2u, random.z);
  store(at + 3u, random.w);
  let product = mul_wide(v.x, v.y);
  store(at + 4u, product.x);
  store(at + 5u, product.y);
  store(at + 6u, mul_high_round(v.x, v.y));
  let sum = add_wide(v.xy, v.zw);
  store(at + 7u, sum.x);
  store(at + 8u, sum.y);
  store(at + 9u, countLeadingZeros(v.x >> shift));
  store(at + 10u, u32(normal_q24(v.x)));
  store(at + 11u, exp2_q30(v.y & 0xffffffu));
  store(at + 12u, u32(i32(v.x) >> shift));
  store(at + 13u, product_sum(v, v.yzwx));
  store(at + 14u, v.x / divisor);
  store(at + 15u, v.x % divisor);
  add_limbs_128(slot + params.sum_at, v.x, v.y, v.z);
}
