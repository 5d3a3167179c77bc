//!include dispatch

struct Params {
  dispatch: Dispatch,
  steps: u32, //!range 1 .. 1000
  free: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(4) var<storage, read> input: array<u32>;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  var x = 0u;
  for (var i = 0u; i < 10u; i = i + 1u) {
    x = x + i;
    if (x == 3u) {
      i = 0u;
    }
  }
  output[gid.x] = x;
}
