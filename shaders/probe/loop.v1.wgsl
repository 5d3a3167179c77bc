// Loop probe: one invocation runs the given number of steps of x = (1664525 x + 1013904223), x = x xor (x >> 13), from its own
// index, and stores x. A driver is known (Mesa 22.3 lavapipe) that silently leaves a loop after 65,535 iterations;
// kernels stay at or below 32,768 an invocation, and the probe makes sure of those and reports what the device can do.
//
// Bindings: 0 uniform Params; 1 output, one word an invocation.
//!include dispatch
//!include limbs

struct Params {
  dispatch: Dispatch,
  iterations: u32,
  padding: u32,
  padding_2: u32,
  padding_3: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  var x = i;
  for (var k = 0u; k < params.iterations; k = k + 1u) {
    x = x * 1664525u + 1013904223u;
    x = x ^ (x >> 13u);
  }
  atomicStore(&output[gid.y * params.dispatch.slot_words + i], x);
}
