// 64-bit sums in the output, to which any number of invocations add in any order.
//!include limbs

// output[at], output[at + 1] += value (low word, high word), modulo 2^64. What the atomic of the low word returns decides the
// carry only: how often the low word wraps in total depends on the sum of what was added to it, not on the order.
fn atomic_add_64(at: u32, value: vec2<u32>) {
  add_limb(at + 1u, value.y + add_limb(at, value.x));
}
