import { afterAll, beforeAll, expect, it } from 'vitest'
import { signUp } from '../http/testing/sign-up.ts'
import { createTestPool, type RunningPool, type TestPool } from '../http/testing/start-pool.ts'

let testPool: TestPool
let pool: RunningPool

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
})
afterAll(() => testPool.dispose())

it('a crowd that signs up at once, larger than the pool of connections, all get in', async () => {
  const people = await Promise.all(Array.from({ length: 40 }, (_, nth) => signUp(pool, `Ada ${nth}`)))
  expect(people).toHaveLength(40)
  expect(testPool.complaints).toEqual([])
})
