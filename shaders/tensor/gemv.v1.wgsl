// tensor@1/gemv.v1: elements of y = A x for int16 matrices and vectors, 64-bit and exact.
//
// Formula: y[i] = sum over k < depth of A[i][k] * x[k]. A word holds two int16. |product| <= 2^30; the sum of the two of
// a word is within 2^31, and is 2^31 only where all four are -32768: the one sum that wraps is the one that shows
// -2^31, which no true sum is. Sums of depth <= 262144 terms stay below 2^48.
// One invocation computes one element of its shard's rows in quads <= 32768 loop iterations.
//
// Bindings: 0 uniform Params; 1 output, one slot of shard_rows x (low, high) words a shard; 4 A as
// [row blocks of 16][quads][16 rows] vec4<u32>, eight elements along the depth each, the lower half word first; 5 x as
// [quads] vec4<u32>. What lies beyond the matrix is zero.
//!include dispatch
//!include wide

const BLOCK_ROWS: u32 = 16u;
const MOST_QUADS: u32 = 32768u;

struct Params {
  dispatch: Dispatch,
  rows: u32,
  // ceil(depth / 8), 1 .. 32768.
  quads: u32,
  // Rows of a shard, a multiple of 16.
  shard_rows: u32,
  padding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
@group(0) @binding(4) var<storage, read> a_quads: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> x_quads: array<vec4<u32>>;

// The sum of the two products of a word's halves, in 64 bits.
fn dot2(a: u32, x: u32) -> vec2<u32> {
  let high = (i32(a) >> 16u) * (i32(x) >> 16u);
  let low = (i32(a << 16u) >> 16u) * (i32(x << 16u) >> 16u);
  let sum = u32(high + low);
  return vec2<u32>(sum, select(0u, 0xffffffffu, sum > 0x80000000u));
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let row = (params.dispatch.first_shard + gid.y) * params.shard_rows + i;
  // The last shard is shorter; the rest of its slot is never read.
  if (row >= params.rows) {
    return;
  }
  let quads = min(params.quads, MOST_QUADS);
  let first = (row / BLOCK_ROWS) * quads * BLOCK_ROWS + row % BLOCK_ROWS;
  var sum = vec2<u32>(0u, 0u);
  for (var k = 0u; k < quads; k = k + 1u) {
    let a = a_quads[first + k * BLOCK_ROWS];
    let x = x_quads[k];
    sum = add_wide(sum, dot2(a.x, x.x));
    sum = add_wide(sum, dot2(a.y, x.y));
    sum = add_wide(sum, dot2(a.z, x.z));
    sum = add_wide(sum, dot2(a.w, x.w));
  }
  let at = gid.y * params.dispatch.slot_words + 2u * i;
  sums[at] = sum.x;
  sums[at + 1u] = sum.y;
}
