// tensor@1/matmul.v1: a tile of C = A B, exact: int32 of int8 matrices, int64 of larger integers.
//
// Formula: C[i][j] = sum over k < depth of A[i][k] * B[k][j]. Elements of A and B are one or two digits each, signed
// 16-bit numbers: element = digit 0 + digit 1 * 2^digit_bits. The tile is the sum of the products of the digits, each shifted to
// its place.
// Ranges: |product of two digits| <= 2^14 for int8, whose depth is one run of at most 131072; <= 2^22 for larger integers,
// whose depth is cut into runs of at most 508, added in 64 bits. So no sum within a run leaves 32 bits.
//
// Four neighbouring invocations compute a block of 4 rows x 8 columns of one tile: invocation l of them columns l and
// 4 + l. They read neighbouring words of B, and the same of A. They have their outputs to themselves: no barrier, no shared
// memory. Loop iterations: at most a_digits (1 + b_digits (1 + runs (1 + run_steps))) <= 32768; a break between pairs of
// pairs lets a run end anywhere. A host cuts the invocations of a shard at multiples of 4.
//
// Bindings: 0 uniform Params; 1 output, one slot a shard of [tile_rows][8 tile_panels] words, row-major: i32, or the low
// words of i64 and behind them the high words; 4 A as [products][a_digits][row_blocks][runs][run_steps][8 pairs]
// vec4<u32>: component r holds two neighbours along the depth of row 4 * block + r, the first in the low half; 5 B as
// [products][b_digits][panels][runs][run_steps][8 pairs][8] u32 likewise, word c for column 8 * panel + c. What lies beyond
// the matrices is zero.
//!include dispatch
//!include dot

struct Params {
  dispatch: Dispatch,
  // ceil(rows / 4), ceil(columns / 8)
  row_blocks: u32, //!range 1 .. 16777216
  panels: u32, //!range 1 .. 16777216
  // Tiles in a row of tiles; blocks of rows and panels of columns in a tile.
  tiles_across: u32, //!range 1 .. 16777216
  tile_row_blocks: u32, //!range 1 .. 16384
  tile_panels: u32, //!range 1 .. 16384
  // Tiles of one product: the shards of a batch of products follow one another.
  tiles: u32, //!range 1 .. 16777216
  // The depth: runs of so many pairs, an even number, in steps of eight pairs.
  runs: u32, //!range 1 .. 1024
  run_pairs: u32, //!range 2 .. 65536
  run_steps: u32, //!range 1 .. 8192
  // Digits of an element of A and of B, and the bits from one digit to the next.
  a_digits: u32, //!range 1 .. 2
  b_digits: u32, //!range 1 .. 2
  digit_bits: u32, //!range 0 .. 15
  // 1: elements of C are int64; 0: int32, of one run of one digit each.
  wide: u32, //!range 0 .. 1
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> tile: array<u32>;
@group(0) @binding(4) var<storage, read> a_blocks: array<array<vec4<u32>, 8>>;
@group(0) @binding(5) var<storage, read> b_panels: array<array<u32, 64>>;

// The sums of an invocation: its two columns of four rows.
struct Sums {
  row0: vec2<i32>,
  row1: vec2<i32>,
  row2: vec2<i32>,
  row3: vec2<i32>,
}

fn dots(a: u32, b: vec2<u32>) -> vec2<i32> {
  return vec2<i32>(dot2_i16(a, b.x), dot2_i16(a, b.y));
}

// Adds the products of one pair along the depth.
fn add_pair(sums: ptr<function, Sums>, a: vec4<u32>, b: vec2<u32>) {
  (*sums).row0 = (*sums).row0 + dots(a.x, b);
  (*sums).row1 = (*sums).row1 + dots(a.y, b);
  (*sums).row2 = (*sums).row2 + dots(a.z, b);
  (*sums).row3 = (*sums).row3 + dots(a.w, b);
}

// Adds value * 2^shift to an element of the tile, shift <= 30.
fn add_wide_at(at: u32, high_words: u32, value: i32, shift: u32) {
  let low = u32(value) << shift;
  let sum = tile[at] + low;
  tile[at] = sum;
  let high = u32((value >> (31u - shift)) >> 1u);
  tile[at + high_words] = tile[at + high_words] + high + select(0u, 1u, sum < low);
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let lane = gid.x % 4u;
  let block = params.dispatch.first_invocation / 4u + gid.x / 4u;
  if (block >= params.dispatch.end_invocation / 4u) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let block_row = block % params.tile_row_blocks;
  let panel_column = block / params.tile_row_blocks;
  let product = shard / params.tiles;
  let tile_index = shard % params.tiles;
  let row = (tile_index / params.tiles_across) * params.tile_row_blocks + block_row;
  let panel = (tile_index % params.tiles_across) * params.tile_panels + panel_column;
  // A tile at the edge is shorter; the rest of its slot is never read.
  if (row >= params.row_blocks || panel >= params.panels) {
    return;
  }

  let stride = 8u * params.tile_panels;
  let high_words = 4u * params.tile_row_blocks * stride;
  let at = gid.y * params.dispatch.slot_words + 4u * block_row * stride + 8u * panel_column + lane;
  let steps = params.runs * params.run_steps;
  for (var i = 0u; i < params.a_digits; i = i + 1u) {
    let first_a = ((product * params.a_digits + i) * params.row_blocks + row) * steps;
    for (var j = 0u; j < params.b_digits; j = j + 1u) {
      let first_b = ((product * params.b_digits + j) * params.panels + panel) * steps;
      let shift = (i + j) * params.digit_bits;
      for (var run = 0u; run < params.runs; run = run + 1u) {
        var sums = Sums();
        for (var step = 0u; step < params.run_steps; step = step + 1u) {
          let left = params.run_pairs - 8u * step;
          let a = first_a + run * params.run_steps + step;
          let b = first_b + run * params.run_steps + step;
          add_pair(&sums, a_blocks[a][0], vec2<u32>(b_panels[b][lane], b_panels[b][4u + lane]));
          add_pair(&sums, a_blocks[a][1], vec2<u32>(b_panels[b][8u + lane], b_panels[b][12u + lane]));
          if (left <= 2u) {
            break;
          }
          add_pair(&sums, a_blocks[a][2], vec2<u32>(b_panels[b][16u + lane], b_panels[b][20u + lane]));
          add_pair(&sums, a_blocks[a][3], vec2<u32>(b_panels[b][24u + lane], b_panels[b][28u + lane]));
          if (left <= 4u) {
            break;
          }
          add_pair(&sums, a_blocks[a][4], vec2<u32>(b_panels[b][32u + lane], b_panels[b][36u + lane]));
          add_pair(&sums, a_blocks[a][5], vec2<u32>(b_panels[b][40u + lane], b_panels[b][44u + lane]));
          if (left <= 6u) {
            break;
          }
          add_pair(&sums, a_blocks[a][6], vec2<u32>(b_panels[b][48u + lane], b_panels[b][52u + lane]));
          add_pair(&sums, a_blocks[a][7], vec2<u32>(b_panels[b][56u + lane], b_panels[b][60u + lane]));
        }
        if (params.wide == 0u) {
          tile[at] = u32(sums.row0.x);
          tile[at + 4u] = u32(sums.row0.y);
          tile[at + stride] = u32(sums.row1.x);
          tile[at + stride + 4u] = u32(sums.row1.y);
          tile[at + 2u * stride] = u32(sums.row2.x);
          tile[at + 2u * stride + 4u] = u32(sums.row2.y);
          tile[at + 3u * stride] = u32(sums.row3.x);
          tile[at + 3u * stride + 4u] = u32(sums.row3.y);
        } else {
          add_wide_at(at, high_words, sums.row0.x, shift);
          add_wide_at(at + 4u, high_words, sums.row0.y, shift);
          add_wide_at(at + stride, high_words, sums.row1.x, shift);
          add_wide_at(at + stride + 4u, high_words, sums.row1.y, shift);
          add_wide_at(at + 2u * stride, high_words, sums.row2.x, shift);
          add_wide_at(at + 2u * stride + 4u, high_words, sums.row2.y, shift);
          add_wide_at(at + 3u * stride, high_words, sums.row3.x, shift);
          add_wide_at(at + 3u * stride + 4u, high_words, sums.row3.y, shift);
        }
      }
    }
  }
}
