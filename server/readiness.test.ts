import { expect, it } from 'vitest'
import { unreadiness } from './readiness.ts'

const open = { isOpen: true, isDraining: false }
const pool = (query: () => Promise<unknown>) =>
  ({ pool: { query } }) as unknown as Parameters<typeof unreadiness>[0]

it('is ready with a hub that is open and a database that answers', async () => {
  expect(
    await unreadiness(
      pool(async () => ({})),
      open,
    ),
  ).toEqual([])
})

it('says what is missing', async () => {
  const broken = pool(async () => {
    throw new Error('the connection is gone')
  })
  expect(await unreadiness(broken, open)).toEqual(['the database does not answer'])
  expect(
    await unreadiness(
      pool(async () => ({})),
      { ...open, isOpen: false },
    ),
  ).toEqual(['the hub has stopped'])
  expect(await unreadiness(broken, { ...open, isDraining: true })).toEqual([
    'the server is about to stop',
    'the database does not answer',
  ])
})

it('does not wait for a database that says nothing', async () => {
  const silent = pool(() => new Promise(() => {}))
  expect(await unreadiness(silent, open)).toEqual(['the database does not answer'])
})
