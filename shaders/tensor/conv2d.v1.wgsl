// tensor@1/conv2d.v1: two-dimensional cross-correlation of int8 images with int8 weights, int32 and exact.
//
// Formula: y[n][o][r][s] = sum over c, i, j of x[n][c][stride r + dilation i - padding][stride s + dilation j - padding]
// * w[o][c][i][j], where x is 0 outside. There are at most 131071 terms of at most 2^14: every partial sum is below 2^31.
// An item is an output pixel of four output channels; the items of a shard follow one another over pixels, then channel
// blocks, then images. One invocation computes one item in taps <= 32768 loop iterations.
//
// Bindings: 0 uniform Params; 1 output, one slot of shard_items vec4<i32> a shard, a component a channel; 4 x as
// [image][row][column][channel words], four int8 channels a word, the lowest byte first; 5 w as
// [channel block][kernel row][kernel column][channel words] vec4<u32>, component o for output channel 4 * block + o.
// Channels that there are not are zero.
//!include dispatch

const MOST_TAPS: u32 = 32768u;

struct Params {
  dispatch: Dispatch,
  items: u32,
  shard_items: u32,
  // Of the output: pixels of a plane, columns, blocks of four channels.
  pixels: u32,
  out_columns: u32,
  blocks: u32,
  // Of the input: rows, columns, words of channels.
  rows: u32,
  columns: u32,
  words: u32,
  // Columns of the kernel; its rows * columns * words <= 32768.
  kernel_columns: u32,
  taps: u32,
  stride: u32,
  padding: u32,
  dilation: u32,
  unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> outputs: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> x_words: array<u32>;
@group(0) @binding(5) var<storage, read> w_words: array<vec4<u32>>;

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
  let item = (params.dispatch.first_shard + gid.y) * params.shard_items + i;
  // The last shard is shorter; the rest of its slot is never read.
  if (item >= params.items) {
    return;
  }
  let pixels = max(params.pixels, 1u);
  let out_columns = max(params.out_columns, 1u);
  let blocks = max(params.blocks, 1u);
  let pixel = item % pixels;
  let plane = item / pixels;
  let first_tap = (plane % blocks) * params.taps;
  let image_row = (plane / blocks) * params.rows;
  let top = i32((pixel / out_columns) * params.stride) - i32(params.padding);
  let left = i32((pixel % out_columns) * params.stride) - i32(params.padding);
  let last_row = i32(params.rows) - 1;
  let last_column = i32(params.columns) - 1;

  var sums = vec4<i32>();
  var word = 0u;
  var kernel_column = 0u;
  var row = top;
  var column = left;
  let taps = min(params.taps, MOST_TAPS);
  for (var tap = 0u; tap < taps; tap = tap + 1u) {
    let inside = row >= 0 && row <= last_row && column >= 0 && column <= last_column;
    let near_row = image_row + u32(clamp(row, 0, last_row));
    let at = (near_row * params.columns + u32(clamp(column, 0, last_column))) * params.words + word;
    let x = vec4<u32>(select(0u, x_words[at], inside));
    let w = w_words[first_tap + tap];
    sums = sums + (lane(x, 24u) * lane(w, 24u) + lane(x, 16u) * lane(w, 16u) +
      lane(x, 8u) * lane(w, 8u) + lane(x, 0u) * lane(w, 0u));
    // The next word of channels, else the next column of the kernel, else its next row.
    word = word + 1u;
    let next_column = word == params.words;
    word = select(word, 0u, next_column);
    kernel_column = kernel_column + select(0u, 1u, next_column);
    let next_row = kernel_column == params.kernel_columns;
    kernel_column = select(kernel_column, 0u, next_row);
    row = row + select(0, i32(params.dilation), next_row);
    column = select(column + select(0, i32(params.dilation), next_column), left, next_row);
  }
  outputs[gid.y * (params.dispatch.slot_words / 4u) + i] = sums;
}
