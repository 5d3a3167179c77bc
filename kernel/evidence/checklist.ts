import { ForgeError } from '../errors.ts'

/** The checks in their order. The first that fails is the reason why evidence is rejected. */
export const CHECKS = {
  format: 'The file is one strict JSON object of the evidence schema',
  contract: 'The contract is canonical and valid',
  envelope: "The record is signed by the hub's key",
  statement: 'The signed statement is canonical and is about this result',
  'contract-hash': "The contract is the record's",
  'replay-key': 'The replay key is made from this contract, kernel and tables',
  plan: 'This software plans the contract alike',
  result: "The result's bytes have the record's digest",
  shards: "The shards' digests have the record's Merkle root",
  trace: 'The trace covers every shard once and counts as the record says',
  receipts: "Every receipt is signed by its agent, for this contract, and fits the shards' digests",
  verification: 'Every shard was verified as the contract asked, on the word of receipts that are here',
  inclusion: 'The record is in the ledger',
  checkpoint: "The checkpoint is signed by the log's key",
  consistency: 'The ledger kept the past that was known before',
  witnesses: 'Independent witnesses saw the same ledger',
  corrections: 'No shard of the record was found wrong since',
} as const
export type CheckId = keyof typeof CHECKS

export interface Check {
  readonly id: CheckId
  readonly title: string
  readonly state: 'passed' | 'failed' | 'skipped'
  /** What was found: figures when it passed, the reason otherwise. */
  readonly detail: string
}

/** Thrown inside a check that cannot be made: it is neither passed nor failed. */
export class Skip {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

/** A check fails with the reason. */
export function fail(reason: string): never {
  throw new ForgeError('DIGEST_MISMATCH', reason)
}

/** Runs checks one after the other and keeps what each found. */
export class Checklist {
  readonly checks: Check[] = []

  /**
   * @param body returns what to say when the check passes
   * @returns what `body` put out besides, or undefined when the check did not pass
   */
  async run<T>(id: CheckId, body: () => Promise<{ detail: string; value: T }>): Promise<T | undefined> {
    const title = CHECKS[id]
    try {
      const { detail, value } = await body()
      this.checks.push({ id, title, state: 'passed', detail })
      return value
    } catch (error) {
      if (error instanceof Skip) {
        this.checks.push({ id, title, state: 'skipped', detail: error.why })
        return undefined
      }
      // Anything that is no ForgeError is a fault of this program, and no verdict on the file.
      if (!(error instanceof ForgeError) || error.code === 'INTERNAL') throw error
      this.checks.push({ id, title, state: 'failed', detail: error.message })
      return undefined
    }
  }

  get failed(): boolean {
    return this.checks.some(({ state }) => state === 'failed')
  }
}
