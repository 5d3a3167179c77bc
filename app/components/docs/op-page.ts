import type { JsonObject } from '../../../kernel/canonical.ts'
import type { ChartSpec, Figure } from '../../../kernel/ops/op.ts'

/** What scripts/generate-documentation.mjs writes for each op. */
export interface OpPage {
  readonly invariants: readonly string[]
  readonly accuracy: string
  /** A contract that runs as it stands, its operands excepted. */
  readonly contract: JsonObject
  /** Its result beside what it has to be. */
  readonly oracle: {
    readonly statement: string
    readonly source: string
    readonly checks: readonly {
      readonly name: string
      readonly actual: number | string
      readonly expected: number | string
      readonly tolerance: number
      readonly unit?: string
      readonly met: boolean
    }[]
  }
  readonly result: {
    /** SHA-256 of the canonical form. */
    readonly digest: string
    readonly headline: Figure
    readonly figures: readonly Figure[]
    readonly chart: ChartSpec | null
  }
}
