import type { Hashing } from './hashing.ts'
import { portableHashing } from './portable.ts'
import { vectorHashing } from './vector.ts'

let chosen: Hashing | undefined

/** The fastest form that this engine can run: four messages side by side where it has SIMD128. */
export function hashing(): Hashing {
  chosen ??= vectorHashing() ?? portableHashing
  return chosen
}
