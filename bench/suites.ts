import { evidence } from './evidence/suite.ts'
import { hub } from './hub/suite.ts'
import { kernels } from './kernels/suite.ts'
import { ops } from './ops/suite.ts'
import type { Suite } from './suite.ts'

/** Every suite of `npm run bench`. */
export const SUITES: readonly Suite[] = [kernels, ops, evidence, hub]
