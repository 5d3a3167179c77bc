import { testGolden } from '../golden.test-support.ts'
import { pi } from './index.ts'

testGolden(pi, import.meta.url)
