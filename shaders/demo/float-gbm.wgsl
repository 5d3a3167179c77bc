// NOT REPRODUCIBLE, for demonstration only: no contract runs this kernel. It is what one would write first for an
// option price, in plain f32 with built-in functions. WGSL leaves the rounding of + - *, fusing, and 2 to 3 units in
// the last place of exp, log, cos and sqrt to the driver, so its bits differ from device to device.
//
// Formula: z = sqrt(-2 ln u1) cos(2 pi u2) (Box-Muller), ln S += drift + volatility z for each step,
// payoff = max(exp(ln S) - strike, 0) with S in units of the spot. Random words as in mc@1/gbm.v1. One invocation runs
// one path. Loop iterations: steps <= 256.
//
// Bindings: 0 uniform Params; 1 output, the bits of one f32 payoff an invocation.
//!include dispatch
//!include philox
//!include limbs

struct Params {
  dispatch: Dispatch,
  key_low: u32,
  key_high: u32,
  steps: u32,
  drift: f32,
  volatility: f32,
  strike: f32,
  padding: u32,
  padding_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  var log_price = 0.0;
  for (var step = 0u; step < params.steps; step = step + 1u) {
    let words = philox4x32(vec4<u32>(step, i, 0u, 0u), vec2<u32>(params.key_low, params.key_high));
    // 24 random bits each: exact in f32.
    let u1 = (f32(words.x >> 8u) + 0.5) * 0x1p-24;
    let u2 = f32(words.y >> 8u) * 0x1p-24;
    let z = sqrt(-2.0 * log(u1)) * cos(6.2831853 * u2);
    log_price = log_price + params.drift + params.volatility * z;
  }
  let payoff = max(exp(log_price) - params.strike, 0.0);
  atomicStore(&output[gid.y * params.dispatch.slot_words + i], bitcast<u32>(payoff));
}
