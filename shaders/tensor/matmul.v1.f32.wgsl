// tensor@1/matmul.v1 by f32 products of int8, every one of them and every sum exact: the same results, bit for bit, as
// tensor/matmul.v1, which alone is normative. For devices that multiply floats faster than integers.
//
// Formula: C[i][j] = sum over k < depth of A[i][k] * B[k][j]. A product is at most 2^14, so the sum of up to 1024 of them,
// in any order, fused or not, is an integer of at most 2^24: exact in f32. Runs of 1024 along the depth are added as i32.
// One invocation computes a block of 4 x 8 elements of one tile, in words <= 32768 loop iterations and a few more. It has
// its inputs and outputs to itself: no barrier, no shared memory. Sums stand in variables with names: an array would be
// kept in memory.
//
// Bindings: as in tensor/matmul.v1.dp4a.
//!include dispatch

// Words of four int8 in a run of 1024.
const RUN: u32 = 256u;

struct Params {
  dispatch: Dispatch,
  // ceil(depth / 4), ceil(rows / 4), ceil(columns / 4)
  words: u32,
  row_blocks: u32,
  column_blocks: u32,
  // Tiles in a row of tiles, at least 1; tile_rows / 4 and tile_columns / 4, powers of two.
  tiles_across: u32,
  tile_row_blocks: u32,
  tile_column_blocks: u32,
  // Tiles of one product, at least 1: the shards of a batch of products follow one another.
  tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> tile: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> a_blocks: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> b_blocks: array<vec4<u32>>;

// The four signed bytes of a word.
fn bytes(packed: u32) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(packed) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

// The products of a row of A with four columns of B.
fn dots(a: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(dot(a, b0), dot(a, b1), dot(a, b2), dot(a, b3));
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let tile_column_blocks = max(params.tile_column_blocks, 1u);
  let pairs = (tile_column_blocks + 1u) / 2u;
  let block_row = i / pairs;
  let block_column = 2u * (i % pairs);
  let tiles = max(params.tiles, 1u);
  let tiles_across = max(params.tiles_across, 1u);
  let product = shard / tiles;
  let tile_index = shard % tiles;
  let row = (tile_index / tiles_across) * params.tile_row_blocks + block_row;
  let column = (tile_index % tiles_across) * tile_column_blocks + block_column;
  // A tile at the edge is shorter; the rest of its slot is never read.
  if (row >= params.row_blocks || column >= params.column_blocks) {
    return;
  }
  // Where there is no second block of columns the first is computed twice and stored once.
  let has_second = block_column + 1u < tile_column_blocks && column + 1u < params.column_blocks;

  var c0 = vec4<i32>();
  var c1 = vec4<i32>();
  var c2 = vec4<i32>();
  var c3 = vec4<i32>();
  var d0 = vec4<i32>();
  var d1 = vec4<i32>();
  var d2 = vec4<i32>();
  var d3 = vec4<i32>();
  let first_a = (product * params.row_blocks + row) * params.words;
  let first_b = (product * params.column_blocks + column) * params.words;
  let second_b = first_b + select(0u, params.words, has_second);
  for (var run = 0u; run < params.words; run = run + RUN) {
    var e0 = vec4<f32>();
    var e1 = vec4<f32>();
    var e2 = vec4<f32>();
    var e3 = vec4<f32>();
    var f0 = vec4<f32>();
    var f1 = vec4<f32>();
    var f2 = vec4<f32>();
    var f3 = vec4<f32>();
    let end = min(run + RUN, params.words);
    for (var k = run; k < end; k = k + 1u) {
      let a = a_blocks[first_a + k];
      let b = b_blocks[first_b + k];
      let b0 = bytes(b.x);
      let b1 = bytes(b.y);
      let b2 = bytes(b.z);
      let b3 = bytes(b.w);
      let g = b_blocks[second_b + k];
      let g0 = bytes(g.x);
      let g1 = bytes(g.y);
      let g2 = bytes(g.z);
      let g3 = bytes(g.w);
      let a0 = bytes(a.x);
      e0 = e0 + dots(a0, b0, b1, b2, b3);
      f0 = f0 + dots(a0, g0, g1, g2, g3);
      let a1 = bytes(a.y);
      e1 = e1 + dots(a1, b0, b1, b2, b3);
      f1 = f1 + dots(a1, g0, g1, g2, g3);
      let a2 = bytes(a.z);
      e2 = e2 + dots(a2, b0, b1, b2, b3);
      f2 = f2 + dots(a2, g0, g1, g2, g3);
      let a3 = bytes(a.w);
      e3 = e3 + dots(a3, b0, b1, b2, b3);
      f3 = f3 + dots(a3, g0, g1, g2, g3);
    }
    c0 = c0 + vec4<i32>(e0);
    c1 = c1 + vec4<i32>(e1);
    c2 = c2 + vec4<i32>(e2);
    c3 = c3 + vec4<i32>(e3);
    d0 = d0 + vec4<i32>(f0);
    d1 = d1 + vec4<i32>(f1);
    d2 = d2 + vec4<i32>(f2);
    d3 = d3 + vec4<i32>(f3);
  }

  let slot = gid.y * (params.dispatch.slot_words / 4u);
  let at = slot + block_row * 4u * tile_column_blocks + block_column;
  tile[at] = c0;
  tile[at + tile_column_blocks] = c1;
  tile[at + 2u * tile_column_blocks] = c2;
  tile[at + 3u * tile_column_blocks] = c3;
  if (has_second) {
    tile[at + 1u] = d0;
    tile[at + tile_column_blocks + 1u] = d1;
    tile[at + 2u * tile_column_blocks + 1u] = d2;
    tile[at + 3u * tile_column_blocks + 1u] = d3;
  }
}
