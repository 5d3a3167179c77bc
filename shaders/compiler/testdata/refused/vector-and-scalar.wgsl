//!include dispatch

struct Params {
  dispatch: Dispatch,
  free: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let v = vec4<u32>(gid, 1u) & params.free;
  output[gid.x] = v.x;
}
