// Wide sums in the output: little-endian u32 limbs to which any number of invocations add in any order. The value
// that an atomic returns is used for the carry only: how many carries leave a limb in total depends on the sum of what
// was added to it, not on the order.

@group(0) @binding(1) var<storage, read_write> output: array<atomic<u32>>;

// Adds a word to the limb. Returns the carry out of it.
fn add_limb(at: u32, word: u32) -> u32 {
  if (word == 0u) {
    return 0u;
  }
  let old = atomicAdd(&output[at], word);
  return select(0u, 1u, old + word < old);
}

// Adds a word and a carry (0 or 1). When word + carry wraps, the limb gets 0 and the carry goes on.
fn add_limb_carry(at: u32, word: u32, carry: u32) -> u32 {
  let sum = word + carry;
  return add_limb(at, sum) + select(0u, 1u, sum < carry);
}

// Four limbs from index at += a 96-bit value, modulo 2^128.
fn add_limbs_128(at: u32, w0: u32, w1: u32, w2: u32) {
  let carry0 = add_limb(at, w0);
  let carry1 = add_limb_carry(at + 1u, w1, carry0);
  let carry2 = add_limb_carry(at + 2u, w2, carry1);
  add_limb(at + 3u, carry2);
}
