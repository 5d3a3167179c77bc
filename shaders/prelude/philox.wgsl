// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011). Counter of this network's kernels: (draw block, item low, item high, stream). Unrolled, so that
// it costs no loop iterations.
//!include wide

fn philox_round(c: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  let p0 = mul_wide(c.x, 0xd2511f53u);
  let p1 = mul_wide(c.z, 0xcd9e8d57u);
  return vec4<u32>(p1.y ^ c.y ^ key.x, p1.x, p0.y ^ c.w ^ key.y, p0.x);
}

fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  let weyl = vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  var k = key;
  var c = philox_round(counter, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  c = philox_round(c, k);
  k = k + weyl;
  return philox_round(c, k);
}
