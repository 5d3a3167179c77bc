// tensor@1/reduce.v1: sum, sum of squares, least and greatest element of runs of a matrix of 32-bit integers, exact.
//
// Formula: line l of the matrix has depth elements x[l * line_stride + k * depth_stride], of which item
// (l, segment) takes k = segment * segment_length and on, at most segment_length <= 32768 of them. |x| <= 2^32: the sum
// is below 2^47, the sum of squares at most 2^79.
// One invocation computes one item, in at most 32768 loop iterations.
//
// Bindings: 0 uniform Params; 1 output, one slot of shard_items x 8 words a shard: sum (2, two's complement), sum of
// squares (3), least, greatest, 0; 4 the elements, one word each.
//!include dispatch
//!include wide

const ITEM_WORDS: u32 = 8u;
const MOST_ELEMENTS: u32 = 32768u;

struct Params {
  dispatch: Dispatch,
  items: u32,
  shard_items: u32,
  depth: u32,
  line_stride: u32,
  depth_stride: u32,
  // Segments of a line, at least 1.
  segments: u32,
  segment_length: u32,
  // 0x80000000 where elements are signed, else 0: what makes their order that of words.
  bias: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
@group(0) @binding(4) var<storage, read> elements: array<u32>;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let item = (params.dispatch.first_shard + gid.y) * params.shard_items + i;
  // The last shard is shorter; the rest of its slot is never read.
  if (item >= params.items) {
    return;
  }
  let segments = max(params.segments, 1u);
  let first = (item % segments) * params.segment_length;
  let count = min(min(params.segment_length, params.depth - first), MOST_ELEMENTS);
  let bias = params.bias;
  var at = (item / segments) * params.line_stride + first * params.depth_stride;
  var sum = vec2<u32>(0u, 0u);
  var squares = vec2<u32>(0u, 0u);
  var squares_top = 0u;
  var least = 0xffffffffu;
  var greatest = 0u;
  for (var k = 0u; k < count; k = k + 1u) {
    let word = elements[at];
    at = at + params.depth_stride;
    let negative = (word & bias) != 0u;
    sum = add_wide(sum, vec2<u32>(word, select(0u, 0xffffffffu, negative)));
    let size = select(word, 0u - word, negative);
    let before = squares.y;
    squares = add_wide(squares, mul_wide(size, size));
    squares_top = squares_top + select(0u, 1u, squares.y < before);
    let key = word ^ bias;
    least = min(least, key);
    greatest = max(greatest, key);
  }
  let to = gid.y * params.dispatch.slot_words + ITEM_WORDS * i;
  sums[to] = sum.x;
  sums[to + 1u] = sum.y;
  sums[to + 2u] = squares.x;
  sums[to + 3u] = squares.y;
  sums[to + 4u] = squares_top;
  sums[to + 5u] = least ^ bias;
  sums[to + 6u] = greatest ^ bias;
  sums[to + 7u] = 0u;
}
