import type { JsonObject } from '../canonical.ts'
import type { Operand, OpSpec } from './op.ts'

/** A number of a result beside what it has to be. */
export interface OracleCheck {
  readonly name: string
  readonly actual: number | string
  readonly expected: number | string
  /** How far apart numbers may be; 0: equal. Texts are equal. */
  readonly tolerance: number
  readonly unit?: string
}

/** A contract whose result is known from elsewhere. */
export interface OracleCase<R> {
  /** What is computed and why its result is known. */
  readonly statement: string
  /** Where the expected values come from. */
  readonly source: string
  readonly args: JsonObject
  readonly operands?: () => Readonly<Record<string, Operand>>
  check(result: R): readonly OracleCheck[]
}

/** What an op's page says that its schemas and its plan do not. */
export interface OpDocumentation<R = JsonObject> {
  /** What `checkLeaf` asserts of every leaf before it counts. */
  readonly invariants: readonly string[]
  readonly accuracy: string
  readonly oracle: OracleCase<R>
}

/** An op's documentation without the op's own types. The spec only gives the types. */
export function documentationFor<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  _spec: OpSpec<A, C, G, R>,
  documentation: OpDocumentation<R>,
): OpDocumentation {
  return documentation as unknown as OpDocumentation
}

/** Whether a check holds. */
export function holds({ actual, expected, tolerance }: OracleCheck): boolean {
  return typeof actual === 'number' && typeof expected === 'number'
    ? Math.abs(actual - expected) <= tolerance
    : actual === expected
}
