import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleForHost } from '../agent-runtime/testing/bundle.ts'
import type { Host } from '../agent-runtime/testing/host.ts'
import { availableHosts } from '../agent-runtime/testing/webgpu-hosts.ts'
import { exp2Q30 } from '../kernel/numerics/exp2.ts'
import { normalQuantileQ24 } from '../kernel/numerics/normal.ts'
import { philox4x32 } from '../kernel/numerics/philox.ts'
import { link } from './link.ts'

/** The parts of the prelude that variants have instead of the normative ones, where draws of a contract seldom lead. */

const { hosts, missing } = await availableHosts()

const KERNEL = link(
  'parts.wgsl',
  `//!include dispatch
//!include wide-f32
//!include philox-f32
//!include normal-f32
//!include exp2-f32
@group(0) @binding(1) var<storage, read_write> results: array<u32>;
@group(0) @binding(4) var<storage, read> words: array<u32>;
@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let count = arrayLength(&words);
  if (gid.x >= count) {
    return;
  }
  let word = words[gid.x];
  let other = words[count - 1u - gid.x];
  let product = mul_wide(word, other);
  let draw = philox4x32(vec4<u32>(word, 1u, other, 2u), vec2<u32>(other, word));
  let at = 9u * gid.x;
  results[at] = u32(normal_q24(word));
  results[at + 1u] = exp2_q30(word);
  results[at + 2u] = product.x;
  results[at + 3u] = product.y;
  results[at + 4u] = mul_high_round(word, other);
  results[at + 5u] = draw.x;
  results[at + 6u] = draw.y;
  results[at + 7u] = draw.z;
  results[at + 8u] = draw.w;
}
`,
  (part) => readFileSync(new URL(`prelude/${part}.wgsl`, import.meta.url), 'utf8'),
).text

/** The first and last words of every row of the quantile, both signs; halves of words at their ends; and any words. */
const WORDS = (() => {
  const words = new Set([
    0, 1, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffff0000, 0xffffffff,
  ])
  for (let row = 0; row < 512; row++) {
    const begin = 2 ** (row >> 4) * (1 + (row & 15) / 16)
    for (const m of [Math.ceil((begin - 1) / 2) - 1, Math.ceil((begin - 1) / 2), Math.ceil(begin / 2)])
      for (const sign of [0, 2 ** 31]) words.add((Math.max(m, 0) + sign) % 2 ** 32)
  }
  for (let i = 0, word = 1; i < 4000; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0
    words.add(word >>> (i & 15))
  }
  return [...words]
})()

const draw = new Uint32Array(4)
const EXPECTED = WORDS.flatMap((word, i) => {
  const other = WORDS.at(-1 - i) ?? 0
  philox4x32(draw, word, 1, other, 2, other, word)
  const product = BigInt(word) * BigInt(other)
  return [
    normalQuantileQ24(word) >>> 0,
    exp2Q30(word & 0xffffff),
    Number(product & 0xffffffffn),
    Number(product >> 32n),
    Number((product + 2n ** 31n) >> 32n),
    ...draw,
  ]
})

for (const { name, reason } of missing) console.log(`${name} is MISSING: ${reason}`)

describe.each(hosts)('$name', ({ open }) => {
  let host: Host
  let guest: string

  beforeAll(async () => {
    guest = await bundleForHost(
      fileURLToPath(new URL('./compiler/fuzz-guest.test-support.ts', import.meta.url)),
    )
    host = await open()
  })
  afterAll(() => host?.close())

  test('exact f32 gives the words of the normative parts', async () => {
    const results = await host.evaluate(guest, 'runBatch', {
      batch: {
        code: KERNEL,
        uniform: [0, 0, 0, 0],
        inputs: [WORDS],
        slot_words: EXPECTED.length,
        invocations: WORDS.length,
      },
    })
    expect(results).toEqual(EXPECTED)
  })
})
