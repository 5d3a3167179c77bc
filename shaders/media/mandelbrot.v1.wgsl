// media@1/mandelbrot.v1: escape times of z -> z^2 + c on a grid of points c, in fixed point.
//
// Formula: z and c are Q28. The time of a point is the least n < max_iterations with |z_n|^2 >= 4 + 2^-24 (high word of
// the Q56 sum above 2^26), z_0 = 0, and max_iterations where there is none. One step:
//   x' = round((x^2 - y^2) / 2^28) + c_re,  y' = sign(x y) round(2 |x y| / 2^28) + c_im, a half of x' up, of y' away from 0
// Ranges: the host keeps |c_re|, |c_im| <= 3.5. A step follows |z|^2 < 4 + 2^-24 only, so |x^2 - y^2| and 2 |x y| are at
// most that, and the next |x|, |y| < 7.51 < 8: they fit i32. x^2 + y^2 <= 113 in Q56 is below 2^63.
// c is a Q60 number in two words, origin + index * step, whose high word counts; the origin holds the half that rounds.
// One invocation computes one point of its tile, in at most 32767 loop iterations.
//
// Bindings: 0 uniform Params; 1 output, one slot of tile_rows x tile_columns u32 a shard, row-major.
//!include dispatch
//!include wide

const ESCAPED: u32 = 0x4000000u;
const MOST_ITERATIONS: u32 = 32767u;

struct Params {
  dispatch: Dispatch,
  rows: u32,
  columns: u32,
  // Tiles in a row of tiles, at least 1; columns of a tile, a power of two.
  tiles_across: u32,
  tile_columns: u32,
  tile_rows: u32,
  // 1 .. 32767.
  max_iterations: u32,
  // Q60, two's complement, low word first: real part of the first column and imaginary part of the first row, both plus
  // 2^31; what a column adds, and what a row adds (negative: rows go down).
  left_low: u32,
  left_high: u32,
  top_low: u32,
  top_high: u32,
  across_low: u32,
  across_high: u32,
  down_low: u32,
  down_high: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> times: array<u32>;

// The Q28 number origin + index * step, modulo 2^64 in Q60: the host proves that the sum is within 3.5.
fn coordinate(origin: vec2<u32>, step: vec2<u32>, index: u32) -> i32 {
  let product = mul_wide(index, step.x);
  return i32(add_wide(origin, vec2<u32>(product.x, product.y + index * step.y)).y);
}

// The least n with |z_n|^2 >= 4 + 2^-24, or limit.
fn escape_time(c_re: i32, c_im: i32, limit: u32) -> u32 {
  var x = 0;
  var y = 0;
  var time = 0u;
  for (var n = 0u; n < limit; n = n + 1u) {
    let x_size = u32(abs(x));
    let y_size = u32(abs(y));
    let xx = mul_wide(x_size, x_size);
    let yy = mul_wide(y_size, y_size);
    if (add_wide(xx, yy).y > ESCAPED) {
      break;
    }
    time = n + 1u;
    let down = (x < 0) != (y < 0);
    // xx - yy + 2^27 in two's complement, then bits 28 to 59.
    let minus = add_wide(vec2<u32>(~yy.x, ~yy.y), vec2<u32>(0x8000001u, 0u));
    let re = add_wide(xx, minus);
    let xy = add_wide(mul_wide(x_size, y_size), vec2<u32>(0x4000000u, 0u));
    let im = i32((xy.y << 5u) | (xy.x >> 27u));
    x = i32((re.y << 4u) | (re.x >> 28u)) + c_re;
    y = select(im, -im, down) + c_im;
  }
  return time;
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let across = max(params.tiles_across, 1u);
  let tile_columns = max(params.tile_columns, 1u);
  let row = (shard / across) * params.tile_rows + i / tile_columns;
  let column = (shard % across) * tile_columns + i % tile_columns;
  // A tile at the edge is shorter; the rest of its slot is never read.
  if (row >= params.rows || column >= params.columns) {
    return;
  }
  let c_re = coordinate(
    vec2<u32>(params.left_low, params.left_high),
    vec2<u32>(params.across_low, params.across_high),
    column,
  );
  let c_im = coordinate(
    vec2<u32>(params.top_low, params.top_high),
    vec2<u32>(params.down_low, params.down_high),
    row,
  );
  times[gid.y * params.dispatch.slot_words + i] = escape_time(c_re, c_im, min(params.max_iterations, MOST_ITERATIONS));
}
