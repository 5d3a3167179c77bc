// tensor@1/matmul.v1: a tile of C = A B for int8 matrices, int32 and exact.
//
// Formula: C[i][j] = sum over k < depth of A[i][k] * B[k][j]. |C[i][j]| <= depth * 2^14 < 2^31 since depth <= 131071,
// and so is every partial sum: no addition overflows.
// One invocation computes a block of 4 x 4 elements of one tile in words <= 32768 loop iterations. It has its inputs
// and outputs to itself: no barrier, no shared memory.
//
// Bindings: 0 uniform Params; 1 output, one slot of tile_rows x tile_columns i32 a shard, row-major; 4 A as
// [products][row_blocks][words] vec4<u32>: component r holds four int8 of row 4 * block + r along the depth, the lowest byte
// first; 5 B as [products][column_blocks][words] likewise, component c for column 4 * block + c. What lies beyond the matrices in
// a block is zero.
//!include dispatch

struct Params {
  dispatch: Dispatch,
  // ceil(depth / 4), ceil(rows / 4), ceil(columns / 4)
  words: u32, //!range 1 .. 32768
  row_blocks: u32, //!range 1 .. 16777216
  column_blocks: u32, //!range 1 .. 16777216
  // Tiles in a row of tiles, at least 1; tile_rows / 4 and tile_columns / 4, powers of two.
  tiles_across: u32, //!range 1 .. 16777216
  tile_row_blocks: u32, //!range 1 .. 16384
  tile_column_blocks: u32, //!range 1 .. 16384
  // Tiles of one product: the shards of a batch of products follow one another.
  tiles: u32, //!range 1 .. 16777216
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> tile: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> a_blocks: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> b_blocks: array<vec4<u32>>;

// Signed byte of each component: its top bit at bit 31, then an arithmetic shift. The shift "up" is 24, 16, 8 or 0.
fn lane(packed: vec4<u32>, up: u32) -> vec4<i32> {
  return bitcast<vec4<i32>>(packed << vec4<u32>(up)) >> vec4<u32>(24u);
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let tile_column_blocks = max(params.tile_column_blocks, 1u);
  let block_row = i / tile_column_blocks;
  let block_column = i % tile_column_blocks;
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

  var c0 = vec4<i32>();
  var c1 = vec4<i32>();
  var c2 = vec4<i32>();
  var c3 = vec4<i32>();
  let first_a = (product * params.row_blocks + row) * params.words;
  let first_b = (product * params.column_blocks + column) * params.words;
  for (var k = 0u; k < params.words; k = k + 1u) {
    let a = a_blocks[first_a + k];
    let b = b_blocks[first_b + k];
    // |product| <= 2^14: four a word.
    let a0 = lane(a, 24u);
    let b0 = lane(b, 24u);
    let a1 = lane(a, 16u);
    let b1 = lane(b, 16u);
    let a2 = lane(a, 8u);
    let b2 = lane(b, 8u);
    let a3 = lane(a, 0u);
    let b3 = lane(b, 0u);
    c0 = c0 + (a0.x * b0 + a1.x * b1 + a2.x * b2 + a3.x * b3);
    c1 = c1 + (a0.y * b0 + a1.y * b1 + a2.y * b2 + a3.y * b3);
    c2 = c2 + (a0.z * b0 + a1.z * b1 + a2.z * b2 + a3.z * b3);
    c3 = c3 + (a0.w * b0 + a1.w * b1 + a2.w * b2 + a3.w * b3);
  }

  let slot = gid.y * (params.dispatch.slot_words / 4u);
  let at = slot + block_row * 4u * params.tile_column_blocks + block_column;
  tile[at] = c0;
  tile[at + params.tile_column_blocks] = c1;
  tile[at + 2u * params.tile_column_blocks] = c2;
  tile[at + 3u * params.tile_column_blocks] = c3;
}
