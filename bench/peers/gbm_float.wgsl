// Peer for gbm on WebGPU: the f32 kernel people would write. Philox4x32-10, as in TensorFlow, PyTorch and cuRAND, and
// Box-Muller with the built-in log, sqrt, cos, sin, and exp: different bits on every driver. One invocation sums the
// payoffs of paths_per_invocation paths of a European call struck at the spot; steps is a multiple of 4. With `pcg` it
// draws from a PCG stream of 32 bits instead, which is faster, but has so few states that the streams overlap.
override pcg: bool = false;

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
fn next_pcg(state: ptr<function, u32>) -> u32 {
  let old = *state;
  *state = old * 747796405u + 2891336453u;
  let word = ((old >> ((old >> 28u) + 4u)) ^ old) * 277803737u;
  return (word >> 22u) ^ word;
}

fn mul_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

fn philox_round(c: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  return vec4<u32>(
    mul_high(c.z, 0xcd9e8d57u) ^ c.y ^ key.x,
    c.z * 0xcd9e8d57u,
    mul_high(c.x, 0xd2511f53u) ^ c.w ^ key.y,
    c.x * 0xd2511f53u,
  );
}

fn philox4x32(counter: vec4<u32>) -> vec4<u32> {
  let weyl = vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  let key = vec2<u32>(params.seed, 678u);
  var c = philox_round(counter, key);
  c = philox_round(c, key + weyl);
  c = philox_round(c, key + 2u * weyl);
  c = philox_round(c, key + 3u * weyl);
  c = philox_round(c, key + 4u * weyl);
  c = philox_round(c, key + 5u * weyl);
  c = philox_round(c, key + 6u * weyl);
  c = philox_round(c, key + 7u * weyl);
  c = philox_round(c, key + 8u * weyl);
  return philox_round(c, key + 9u * weyl);
}

// The sum of two normals scaled by the deviation, from two words.
fn two_normals(u: u32, v: u32) -> f32 {
  let u1 = (f32(u >> 8u) + 0.5) * 0x1p-24;
  let angle = f32(v >> 8u) * (6.2831853 * 0x1p-24);
  let radius = params.deviation * sqrt(-2.0 * log(u1));
  return radius * cos(angle) + radius * sin(angle);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  var state = params.seed + gid.x * 2654435769u;
  var sum = 0.0;
  for (var path = 0u; path < params.paths_per_invocation; path++) {
    var x = 0.0;
    for (var step = 0u; step < params.steps; step += 4u) {
      var words: vec4<u32>;
      if (pcg) {
        words = vec4<u32>(next_pcg(&state), next_pcg(&state), next_pcg(&state), next_pcg(&state));
      } else {
        words = philox4x32(vec4<u32>(step, path, gid.x, 0u));
      }
      x += 4.0 * params.drift + two_normals(words.x, words.y) + two_normals(words.z, words.w);
    }
    sum += max(exp(x) - 1.0, 0.0);
  }
  sums[gid.x] = sum;
}
