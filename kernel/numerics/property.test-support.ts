import fc from 'fast-check'

/**
 * Runs a property with a fresh seed and says which: FUZZ_SEED=<seed> repeats a run, FUZZ_FACTOR=<n> takes n times the
 * cases. Fails when it ran too few.
 */
export function property<T extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  check: (...values: T) => void,
  cases = 1000,
): void {
  const runs = cases * Number(process.env.FUZZ_FACTOR ?? 1)
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
  let ran = 0
  const predicate = (...values: T): void => {
    ran++
    check(...values)
  }
  fc.assert(
    fc.property(
      ...(arbitraries as unknown as [fc.Arbitrary<unknown>]),
      predicate as unknown as (v: unknown) => void,
    ),
    { seed, numRuns: runs },
  )
  if (ran < runs) throw new Error(`${name}: ${ran} of ${runs} cases ran`)
  console.info(`${name}: ${ran} cases, FUZZ_SEED=${seed}`)
}

/** A u32 word, with the ends of the range, powers of two and 16-bit borders more often than chance. */
export const anyWord: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(
    0,
    1,
    2,
    0xffff,
    0x10000,
    0x10001,
    0x7fffffff,
    0x80000000,
    0x80000001,
    0xfffffffe,
    0xffffffff,
  ),
  fc.integer({ min: 0, max: 31 }).map((bit) => 2 ** bit),
)
