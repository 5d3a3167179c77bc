// Peer for gbm on WebGPU: the f32 kernel people would write. A PCG stream and Box-Muller, built-in log, sqrt, cos, sin and
// exp: fast, and different on every driver. One invocation sums the payoffs of paths_per_invocation paths of a European
// call struck at the spot; steps is even.
struct Params {
  seed: u32,
  paths_per_invocation: u32,
  steps: u32,
  drift: f32,
  deviation: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

// O'Neill, PCG: RXS-M-XS on 32 bits of state.
fn pcg(state: ptr<function, u32>) -> u32 {
  let old = *state;
  *state = old * 747796405u + 2891336453u;
  let word = ((old >> ((old >> 28u) + 4u)) ^ old) * 277803737u;
  return (word >> 22u) ^ word;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  var state = params.seed + gid.x * 2654435769u;
  var sum = 0.0;
  for (var path = 0u; path < params.paths_per_invocation; path++) {
    var x = 0.0;
    for (var step = 0u; step < params.steps; step += 2u) {
      let u1 = (f32(pcg(&state) >> 8u) + 0.5) * 0x1p-24;
      let angle = f32(pcg(&state) >> 8u) * (6.2831853 * 0x1p-24);
      let radius = params.deviation * sqrt(-2.0 * log(u1));
      x += params.drift + radius * cos(angle);
      x += params.drift + radius * sin(angle);
    }
    sum += max(exp(x) - 1.0, 0.0);
  }
  sums[gid.x] = sum;
}
