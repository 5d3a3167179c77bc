// media@1/filter.v1: separable resampling (blur, resize), sharpening and edges of RGBA pictures.
//
// Formula, for each channel on its own, with source pixels beyond a border equal to those on it:
//   across[r][s] = round(sum over t of x_weight[s][t] source[r][x_first[s] + t] / 2^7), 8.8 bits
//   sum[r][s]    = sum over t of y_weight[r][t] across[y_first[r] + t][s], 31 bits
//   resampled    = round(sum / 2^23)
//   sharpened    = clamp(source + round((256 source - round(sum / 2^15)) amount / 2^16), 0, 255), alpha as it was
//   edges        = min(floor(sqrt(gx^2 + gy^2)), 255) of Sobel's differences, alpha as it was
// A half is rounded up. The weights of a row or column of a table are natural and add up to 2^15: the first sum is at most
// 255 * 2^15 < 2^23, the second at most 65280 * 2^15 < 2^31. |256 source - ...| * amount <= 65280 * 4096 < 2^28.
// |gx|, |gy| <= 1020: the squares add up to less than 2^22.
// A kernel in two stages. Stage 0 computes "across" for the columns of the tile and the source rows that it needs (its
// halo); stage 1 the pixels of the tile. At most 193 loop iterations an invocation and stage.
//
// Bindings: 0 uniform Params; 1 output, one slot a shard: tile_rows x tile_columns pixels, then span_rows x tile_columns
// pairs of words (red | green << 16, blue | alpha << 16); 4 source pixels, red in the lowest byte; 5 for each column of
// the result its first source column and x_taps weights; 6 likewise for rows.
//!include dispatch

const MOST_TAPS: u32 = 256u;
const SHARPEN: u32 = 1u;
const EDGES: u32 = 2u;

struct Params {
  dispatch: Dispatch,
  // 0: resample; 1: sharpen; 2: edges.
  mode: u32,
  stage_invocations: u32,
  rows: u32,
  columns: u32,
  source_rows: u32,
  source_columns: u32,
  tiles_across: u32,
  tile_columns: u32,
  tile_rows: u32,
  span_rows: u32,
  x_taps: u32,
  y_taps: u32,
  // Q8, 0 .. 4096.
  amount: u32,
  padding_a: u32,
  padding_b: u32,
  padding_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read> pixels: array<u32>;
@group(0) @binding(5) var<storage, read> x_table: array<u32>;
@group(0) @binding(6) var<storage, read> y_table: array<u32>;

fn channels(pixel: u32) -> vec4<u32> {
  return vec4<u32>(pixel & 0xffu, (pixel >> 8u) & 0xffu, (pixel >> 16u) & 0xffu, pixel >> 24u);
}

fn packed(c: vec4<u32>) -> u32 {
  return c.x | (c.y << 8u) | (c.z << 16u) | (c.w << 24u);
}

// The source pixel at a place, or the nearest one inside.
fn source(row: i32, column: i32) -> u32 {
  let r = u32(clamp(row, 0, i32(params.source_rows) - 1));
  let c = u32(clamp(column, 0, i32(params.source_columns) - 1));
  return pixels[r * params.source_columns + c];
}

// floor(sqrt(n)) for n < 2^22: bit by bit from 2^10.
fn square_root(n: u32) -> u32 {
  var root = 0u;
  for (var bit = 1024u; bit > 0u; bit = bit >> 1u) {
    let next = root + bit;
    root = select(root, next, next * next <= n);
  }
  return root;
}

// Of one channel, from Sobel's differences along columns and rows.
fn gradient(gx: i32, gy: i32) -> u32 {
  return min(square_root(u32(gx * gx + gy * gy)), 255u);
}

fn edges(row: i32, column: i32) -> u32 {
  let nw = vec4<i32>(channels(source(row - 1, column - 1)));
  let n = vec4<i32>(channels(source(row - 1, column)));
  let ne = vec4<i32>(channels(source(row - 1, column + 1)));
  let w = vec4<i32>(channels(source(row, column - 1)));
  let e = vec4<i32>(channels(source(row, column + 1)));
  let sw = vec4<i32>(channels(source(row + 1, column - 1)));
  let s = vec4<i32>(channels(source(row + 1, column)));
  let se = vec4<i32>(channels(source(row + 1, column + 1)));
  let gx = (ne + e + e + se) - (nw + w + w + sw);
  let gy = (sw + s + s + se) - (nw + n + n + ne);
  let alpha = source(row, column) >> 24u;
  return packed(vec4<u32>(gradient(gx.x, gy.x), gradient(gx.y, gy.y), gradient(gx.z, gy.z), alpha));
}

fn sharpened(pixel: u32, sum: vec4<u32>) -> u32 {
  let clear = vec4<i32>(channels(pixel));
  let blurred = vec4<i32>((sum + vec4<u32>(0x4000u)) >> vec4<u32>(15u));
  let raised = clear * 65536 + (clear * 256 - blurred) * i32(params.amount) + 32768;
  let sharp = clamp(raised >> vec4<u32>(16u), vec4<i32>(0), vec4<i32>(255));
  return packed(vec4<u32>(u32(sharp.x), u32(sharp.y), u32(sharp.z), pixel >> 24u));
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let tile_columns = max(params.tile_columns, 1u);
  let across = max(params.tiles_across, 1u);
  let stage_invocations = max(params.stage_invocations, 1u);
  let stage = i / stage_invocations;
  let t = i % stage_invocations;
  let tile_row = (shard / across) * params.tile_rows;
  let tile_column = (shard % across) * tile_columns;
  let line = t / tile_columns;
  let column = tile_column + t % tile_columns;
  let slot = gid.y * params.dispatch.slot_words;
  let span_at = slot + params.tile_rows * tile_columns;
  let y_pitch = params.y_taps + 1u;
  // A tile at the edge is shorter; the rest of its slot is never read.
  if (column >= params.columns) {
    return;
  }
  let top = i32(y_table[tile_row * y_pitch]);

  if (stage == 0u) {
    if (line >= params.span_rows || params.mode == EDGES) {
      return;
    }
    let entry = column * (params.x_taps + 1u);
    let first = i32(x_table[entry]);
    var sum = vec4<u32>(64u);
    let taps = min(params.x_taps, MOST_TAPS);
    for (var tap = 0u; tap < taps; tap = tap + 1u) {
      sum = sum + channels(source(top + i32(line), first + i32(tap))) * x_table[entry + 1u + tap];
    }
    let fine = sum >> vec4<u32>(7u);
    let at = span_at + 2u * t;
    state[at] = fine.x | (fine.y << 16u);
    state[at + 1u] = fine.z | (fine.w << 16u);
    return;
  }

  let row = tile_row + line;
  if (line >= params.tile_rows || row >= params.rows) {
    return;
  }
  if (params.mode == EDGES) {
    state[slot + t] = edges(i32(row), i32(column));
    return;
  }
  let entry = row * y_pitch;
  let below = u32(i32(y_table[entry]) - top);
  var sum = vec4<u32>();
  let taps = min(params.y_taps, MOST_TAPS);
  for (var tap = 0u; tap < taps; tap = tap + 1u) {
    let span_row = min(below + tap, params.span_rows - 1u);
    let at = span_at + 2u * (span_row * tile_columns + t % tile_columns);
    let low = state[at];
    let high = state[at + 1u];
    let weight = y_table[entry + 1u + tap];
    sum = sum + vec4<u32>(low & 0xffffu, low >> 16u, high & 0xffffu, high >> 16u) * weight;
  }
  if (params.mode == SHARPEN) {
    state[slot + t] = sharpened(source(i32(row), i32(column)), sum);
  } else {
    state[slot + t] = packed((sum + vec4<u32>(0x400000u)) >> vec4<u32>(23u));
  }
}
