import { expect, it } from 'vitest'
import type { ShardSpan } from './core/state.ts'
import { addDoubtful, doubtedWords } from './doubtful-shards.ts'

const eve = { agent: 'eve', executor: 'webgpu' } as const
const bob = { agent: 'bob', executor: 'cpu' } as const

it('each incident is looked into once, a later one of the same agent again', () => {
  const examined = new Set<number>()
  expect([...doubtedWords([{ id: 4, ...eve }], examined).keys()]).toEqual(['eve webgpu'])
  expect([...doubtedWords([{ id: 4, ...eve }], examined).keys()]).toEqual([])
  const later = [
    { id: 4, ...eve },
    { id: 9, ...eve },
  ]
  expect([...doubtedWords(later, examined).keys()]).toEqual(['eve webgpu'])
})

it('doubtful is what rests on such a word alone, by key and executor, and was not executed again', () => {
  const spans: ShardSpan[] = []
  const add = (
    first: number,
    method: 'single' | 'quorum',
    copies: Parameters<typeof addDoubtful>[1]['copies'],
  ) =>
    addDoubtful(
      spans,
      { first, count: 4, method, copies },
      new Map([['eve webgpu', eve]]),
      (shard) => shard === 2,
    )
  add(0, 'single', [eve])
  add(4, 'single', [eve])
  add(8, 'single', [bob])
  add(12, 'quorum', [eve, bob])
  add(16, 'single', [{ ...eve, executor: 'wasm' }])
  add(20, 'single', [eve])
  expect(spans).toEqual([
    { first: 0, count: 2 },
    { first: 3, count: 5 },
    { first: 20, count: 4 },
  ])
})
