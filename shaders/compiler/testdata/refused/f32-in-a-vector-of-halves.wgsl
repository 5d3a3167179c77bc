//!include dispatch

struct Params {
  dispatch: Dispatch,
  n: u32, //!range 1 .. 4096
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(4) var<storage, read> input: array<u32>;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = gid.x & 1023u;
  let a = f32(i32(input[i] << 16u) >> 16u);
  let v = vec4<f16>(1.0h, 2.0h, 3.0h, 4.0h);
  output[i] = u32(v.x);
}
