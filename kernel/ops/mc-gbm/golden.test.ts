import { testGolden } from '../golden.test-support.ts'
import { gbm } from './index.ts'

testGolden(gbm, import.meta.url)
