// Component i mod 4 of a vector: a table of words lies in a uniform four a row.
fn component(v: vec4<u32>, i: u32) -> u32 {
  return select(select(v.x, v.y, (i & 1u) == 1u), select(v.z, v.w, (i & 1u) == 1u), (i & 2u) == 2u);
}
