import { CORRECTION_FORGERIES } from './forged-corrections.test-support.ts'
import { FILE_FORGERIES } from './forged-files.test-support.ts'
import { LEDGER_FORGERIES } from './forged-ledger.test-support.ts'
import { RECORD_FORGERIES } from './forged-records.test-support.ts'
import type { Forgery } from './forgery.test-support.ts'

/** The whole corpus. */
export const FORGERIES: readonly Forgery[] = [
  ...FILE_FORGERIES,
  ...RECORD_FORGERIES,
  ...LEDGER_FORGERIES,
  ...CORRECTION_FORGERIES,
]
