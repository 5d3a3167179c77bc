import { expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { Inbox, type Recipient } from './inbox.ts'

/** A socket that is only paused and resumed. */
function socket() {
  const state = {
    isPaused: false,
    pause() {
      state.isPaused = true
    },
    resume() {
      state.isPaused = false
    },
  }
  return state
}

const recipient = (client: ReturnType<typeof socket>, serve: (frame: Buffer) => void): Recipient => ({
  client: client as unknown as WebSocket,
  waiting_bytes: 0,
  serve,
})
const turn = () => new Promise((resolve) => setImmediate(resolve))

it('serves frames of all sockets in the order in which they came, and lets other things happen in between', async () => {
  const inbox = new Inbox()
  const served: string[] = []
  let turns = 0
  const slow = (name: string) =>
    recipient(socket(), (frame) => {
      served.push(`${name}${frame.toString()}`)
      // Longer than all that one turn serves.
      for (const end = performance.now() + 6; performance.now() < end; );
    })
  const [a, b] = [slow('a'), slow('b')]
  for (const [to, text] of [
    [a, '1'],
    [b, '1'],
    [a, '2'],
  ] as const)
    inbox.push(to, Buffer.from(text))
  expect(served).toEqual([])
  while (served.length < 3) {
    await turn()
    turns++
  }
  expect(served).toEqual(['a1', 'b1', 'a2'])
  expect(turns).toBeGreaterThanOrEqual(3)
  expect(a.waiting_bytes).toBe(0)
})

it('does not read a socket that has much waiting, until most of it is served', async () => {
  const inbox = new Inbox()
  const client = socket()
  const pausedAt: boolean[] = []
  const to = recipient(client, () => pausedAt.push(client.isPaused))
  const frame = Buffer.alloc(1024 * 1024)
  for (let at = 0; at < 5; at++) inbox.push(to, frame)
  expect(client.isPaused).toBe(true)
  while (pausedAt.length < 5) await turn()
  expect(client.isPaused).toBe(false)
  expect(pausedAt).toEqual([true, true, false, false, false])
})
