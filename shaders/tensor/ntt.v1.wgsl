// tensor@1/ntt.v1: one factor of a product of polynomials over a prime field, for the exact convolution.
//
// Formula: x^N - 1 is the product of S = N / M factors x^M - zeta(s), where zeta(k) = g^(e(k) (p - 1)), g a generator
// and e(k) the sum of 2^-(i+1) over the bits i that k has. Shard prime * S + s of the plan is
//   c(x) = a(x) b(x) mod (x^M - zeta(s)) over F_p, its M coefficients in [0, p).
// By the same rule x^(2h) - zeta(k) = (x^h - zeta(2k)) (x^h + zeta(2k)): log2 M levels of butterflies lead to points,
// where products are pointwise, and back.
// A kernel in stages of M / 16 invocations each; a stage begins when the one before it is complete. Stage 0: residues of
// the operands modulo x^M - zeta(s), roots; then log2 M levels down, the pointwise product, log2 M levels up.
// Values are plain residues in [0, p), roots in Montgomery form: montgomery(v, r 2^32) = v r. p < 2^31, so sums and
// differences of residues fit u32; the argument of montgomery is below p 2^32 as one factor is below p.
// Loop iterations of an invocation: at most 32 N / M + 32 L + 64 <= 3000.
//
// Bindings: 0 uniform Params; 1 output, one slot a shard: a's residues and at the end c [M], b's [M], zeta(2k) and
// 1 / zeta(2k) for k < M / 2 [M / 2 each], zeta(2 s 2^level) and its inverse by level [32 each]; 4 a, 5 b as words.
//!include dispatch
//!include wide

const RUN: u32 = 16u;
const LEVELS: u32 = 32u;

struct Params {
  dispatch: Dispatch,
  // log2 M, 6 .. 16; log2 N, 6 .. 22; log2 S = log2 N - log2 M.
  log2_size: u32,
  log2_length: u32,
  log2_parts: u32,
  padding: u32,
  // Elements of a and b, 1 .. N; 1 where they are signed.
  a_length: u32,
  b_length: u32,
  a_signed: u32,
  b_signed: u32,
  // For each of the three primes: (p, 1 / p mod 2^32, 2^32 mod p, 2^64 / M mod p), and (root of order N, its inverse,
  // 0, 0) in Montgomery form.
  primes: array<vec4<u32>, 6>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read> a_words: array<u32>;
@group(0) @binding(5) var<storage, read> b_words: array<u32>;

struct Field {
  p: u32,
  // 1 / p mod 2^32
  inverse: u32,
  // 1 in Montgomery form
  one: u32,
}

// a b / 2^32 mod p for a b < p 2^32. The low words of a b and m p are equal, so the difference of the high ones is exact.
fn montgomery(a: u32, b: u32, f: Field) -> u32 {
  let product = mul_wide(a, b);
  let above = mul_wide(product.x * f.inverse, f.p).y;
  return product.y - above + select(0u, f.p, product.y < above);
}

fn add_mod(a: u32, b: u32, f: Field) -> u32 {
  let sum = a + b;
  return select(sum, sum - f.p, sum >= f.p);
}

fn sub_mod(a: u32, b: u32, f: Field) -> u32 {
  return a - b + select(0u, f.p, a < b);
}

// The residue of a word: p > 2^32 / 3, and -2^31 + 2 p is positive.
fn residue(word: u32, is_signed: u32, f: Field) -> u32 {
  let lifted = word + select(0u, 2u * f.p, (word >> 31u) * is_signed == 1u);
  let once = select(lifted, lifted - f.p, lifted >= f.p);
  return select(once, once - f.p, once >= f.p);
}

// The product of roots of order 2^(i+1) over the bits i of index, lowest <= i < log2 N; lowest <= 4. top: a root of
// order N.
fn root_product(top: u32, index: u32, lowest: u32, f: Field) -> u32 {
  var product = f.one;
  var root = top;
  let length = clamp(params.log2_length, 6u, 31u);
  let count = min(length - lowest, 31u);
  for (var below = 0u; below < count; below = below + 1u) {
    let bit = (index >> ((length - 1u - below) & 31u)) & 1u;
    product = select(product, montgomery(product, root, f), bit == 1u);
    root = montgomery(root, root, f);
  }
  return product;
}

// The root of order 16, of bit 3.
fn root_of_16(top: u32, f: Field) -> u32 {
  var root = top;
  let squarings = clamp(params.log2_length, 6u, 31u) - 4u;
  for (var i = 0u; i < squarings; i = i + 1u) {
    root = montgomery(root, root, f);
  }
  return root;
}

// zeta(2 k) for k = 8 t .. 8 t + 7, to at + 8 t: bit i of k belongs to the root of order 2^(i+2).
fn store_roots(at: u32, t: u32, top: u32, f: Field) {
  let base = root_product(top, t << 4u, 4u, f);
  let third = root_of_16(top, f);
  let second = montgomery(third, third, f);
  let first = montgomery(second, second, f);
  let to = at + (t << 3u);
  let base1 = montgomery(base, first, f);
  let base2 = montgomery(base, second, f);
  let base3 = montgomery(base1, second, f);
  state[to] = base;
  state[to + 1u] = base1;
  state[to + 2u] = base2;
  state[to + 3u] = base3;
  state[to + 4u] = montgomery(base, third, f);
  state[to + 5u] = montgomery(base1, third, f);
  state[to + 6u] = montgomery(base2, third, f);
  state[to + 7u] = montgomery(base3, third, f);
}

// Coefficient j of an operand modulo x^M - weight: the sum of element j + k M times weight^k, by Horner's rule.
fn fold_a(j: u32, weight: u32, f: Field) -> u32 {
  var sum = 0u;
  let parts = 1u << min(params.log2_parts, 6u);
  for (var k = 0u; k < parts; k = k + 1u) {
    let at = j + ((parts - 1u - k) << min(params.log2_size, 16u));
    let word = select(0u, a_words[min(at, params.a_length - 1u)], at < params.a_length);
    sum = add_mod(montgomery(sum, weight, f), residue(word, params.a_signed, f), f);
  }
  return sum;
}

fn fold_b(j: u32, weight: u32, f: Field) -> u32 {
  var sum = 0u;
  let parts = 1u << min(params.log2_parts, 6u);
  for (var k = 0u; k < parts; k = k + 1u) {
    let at = j + ((parts - 1u - k) << min(params.log2_size, 16u));
    let word = select(0u, b_words[min(at, params.b_length - 1u)], at < params.b_length);
    sum = add_mod(montgomery(sum, weight, f), residue(word, params.b_signed, f), f);
  }
  return sum;
}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let shard = params.dispatch.first_shard + gid.y;
  let slot = gid.y * params.dispatch.slot_words;
  let log2_parts = min(params.log2_parts, 6u);
  let part = shard & ((1u << log2_parts) - 1u);
  let prime = min(shard >> log2_parts, 2u);
  let numbers = params.primes[2u * prime];
  let roots = params.primes[2u * prime + 1u];
  let f = Field(numbers.x, numbers.y, numbers.z);
  let levels = clamp(params.log2_size, 6u, 16u);
  let size = 1u << levels;
  let half = size >> 1u;
  let a_at = slot;
  let b_at = slot + size;
  let roots_at = b_at + size;
  let inverses_at = roots_at + half;
  let level_roots_at = inverses_at + half;
  let level_inverses_at = level_roots_at + LEVELS;

  let stage = i >> (levels - 4u);
  let stage_invocations = size >> 4u;
  let t = i & (stage_invocations - 1u);
  if (stage == 0u) {
    let weight = root_product(roots.x, part, 0u, f);
    for (var step = 0u; step < RUN; step = step + 1u) {
      let j = t * RUN + step;
      state[a_at + j] = fold_a(j, weight, f);
      state[b_at + j] = fold_b(j, weight, f);
    }
    store_roots(roots_at, t, roots.x, f);
    store_roots(inverses_at, t, roots.y, f);
    // At least four invocations for at most 16 levels.
    for (var step = 0u; step < 4u; step = step + 1u) {
      let level = t + step * stage_invocations;
      if (level < levels) {
        state[level_roots_at + level] = root_product(roots.x, part << (level + 1u), 0u, f);
        state[level_inverses_at + level] = root_product(roots.y, part << (level + 1u), 0u, f);
      }
    }
  } else if (stage <= levels) {
    // Butterflies of both operands: (low, high) -> (low + root high, low - root high).
    let level = stage - 1u;
    let log2_span = (levels - stage) & 15u;
    let level_root = state[level_roots_at + level];
    for (var step = 0u; step < RUN; step = step + 1u) {
      let q = (t * RUN + step) & (half - 1u);
      let operand = a_at + select(0u, size, t * RUN >= half);
      let node = q >> log2_span;
      let low = operand + (node << (log2_span + 1u)) + (q & ((1u << log2_span) - 1u));
      let high = low + (1u << log2_span);
      let root = montgomery(state[roots_at + node], level_root, f);
      let x = state[low];
      let y = montgomery(state[high], root, f);
      state[low] = add_mod(x, y, f);
      state[high] = sub_mod(x, y, f);
    }
  } else if (stage == levels + 1u) {
    for (var step = 0u; step < RUN; step = step + 1u) {
      let j = t * RUN + step;
      let product = montgomery(state[a_at + j], state[b_at + j], f);
      // Times 2^64 / M / 2^32: what montgomery divided by, and what the way up multiplies by.
      state[a_at + j] = montgomery(product, numbers.w, f);
    }
  } else {
    // Twice the inverse of a butterfly of the way down: (low, high) -> (low + high, (low - high) / root).
    let log2_span = (stage - levels - 2u) & 15u;
    let level = levels - 1u - log2_span;
    let level_root = state[level_inverses_at + level];
    for (var step = 0u; step < RUN / 2u; step = step + 1u) {
      let q = t * (RUN / 2u) + step;
      let node = q >> log2_span;
      let low = a_at + (node << (log2_span + 1u)) + (q & ((1u << log2_span) - 1u));
      let high = low + (1u << log2_span);
      let root = montgomery(state[inverses_at + node], level_root, f);
      let x = state[low];
      let y = state[high];
      state[low] = add_mod(x, y, f);
      state[high] = montgomery(sub_mod(x, y, f), root, f);
    }
  }
}
