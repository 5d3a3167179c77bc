// Square root of a fixed-point word, exact to its floor. Proof of ranges and of the final correction:
// kernel/numerics/sqrt.ts and its tests.
//!include wide

// a - b modulo 2^64.
fn sub_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

// floor(sqrt(v 2^30)), below 2^31. With v = V 2^30 this is sqrt(V) in Q30.
//
// m = v 2^zeros in [2^30, 2^32) is y in [1, 4) as Q30. r = 1 / sqrt(y) in Q15 within 2^-13: a parabola, then two Newton
// steps r (3 - y r^2) / 2 in words of 16 bits. s = y r is the root within 2^18 units of Q30; two steps
// s + (m 2^30 - s^2) r / 2 leave less than one unit, and the sign of the last remainder decides. The floor of a root
// shifted by zeros / 2 is the floor of the shifted root.
fn sqrt_q30(v: u32) -> u32 {
  let zeros = countLeadingZeros(v) & 30u;
  let m = v << zeros;
  let y = m >> 16u;
  var r = 43758u - (((53826u - ((26846u * y) >> 16u)) * y) >> 16u);
  r = (r * (0x18000u - ((y * ((r * r) >> 15u)) >> 14u))) >> 16u;
  r = (r * (0x18000u - ((y * ((r * r) >> 15u)) >> 14u))) >> 16u;
  let square = vec2<u32>(m << 30u, m >> 2u);
  var s = (y * r) << 1u;
  let far = sub_wide(square, mul_wide(s, s));
  s = s + u32(((i32(far.y) >> 2u) * i32(r)) >> 12u);
  let near = sub_wide(square, mul_wide(s, s));
  s = s + u32((i32((near.y << 10u) | (near.x >> 22u)) * i32(r)) >> 24u);
  let rest = sub_wide(square, mul_wide(s, s));
  let below = i32(rest.y) < 0;
  let above = !below && (rest.y > 0u || rest.x > 2u * s);
  s = s + select(0u, 1u, above) - select(0u, 1u, below);
  return select(s >> (zeros >> 1u), 0u, v == 0u);
}
