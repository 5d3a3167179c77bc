/**
 * What a suite of benchmarks is. A suite yields rows; the runner prints them as a table, as Markdown or as JSON. A
 * further suite is a module and one entry in suites.ts.
 */

/** One result. Values are null where nothing could be measured, and then `invalid` says why. */
export interface Row {
  readonly id: string
  /** What is measured, for people. */
  readonly what: string
  /** Unit of `value`: `x` for a ratio of ours to the peer's, higher is better. */
  readonly unit: string
  readonly value: number | null
  /** Our own absolute value, in the unit that `rate` names. */
  readonly ours: number | null
  readonly peer: string | null
  readonly peer_value: number | null
  /** Unit of `ours` and `peer_value`. */
  readonly rate: string
  /** The least `value` that the project has set itself. */
  readonly at_least?: number
  /** The most, where less is better. */
  readonly at_most?: number
  /** The least and the largest value of a single round. */
  readonly spread?: readonly [least: number, largest: number]
  /** Why this row counts for nothing, in words and with what to do about it. */
  readonly invalid?: string
  /** What else was seen. */
  readonly notes?: readonly string[]
}

export interface SuiteOptions {
  /** Ids to run: a subset of what `ids` gave. */
  readonly only: ReadonlySet<string>
  /** Interleaved pairs of each row. */
  readonly rounds: number
  /** Also what takes ten minutes. */
  readonly soak: boolean
  /** Tells how it goes; never on standard output. */
  say(line: string): void
}

export interface SuiteRun {
  readonly rows: readonly Row[]
  /** Names of the GPU adapters that were used. */
  readonly adapters: readonly string[]
}

export interface Suite {
  readonly name: string
  readonly title: string
  /** Every id of the suite, in the order of its table. */
  ids(): readonly string[]
  run(options: SuiteOptions): Promise<SuiteRun>
}
