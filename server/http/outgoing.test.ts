import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { Outgoing } from './outgoing.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function outlet() {
  const seen: string[] = []
  const client = { OPEN: 1, readyState: 1, send: (frame: Uint8Array) => seen.push(String(frame[0])) }
  const socket = { cork: () => seen.push('cork'), uncork: () => seen.push('uncork') }
  const outgoing = new Outgoing()
  const way = outgoing.outlet(client as unknown as WebSocket, socket as unknown as Duplex)
  return { seen, client, way }
}
const frame = (byte: number) => Uint8Array.of(byte)

it('what is said in one turn leaves in one write', () => {
  const { seen, way } = outlet()
  way.send(frame(1))
  way.send(frame(2))
  expect(seen).toEqual(['cork', '1', '2'])
  vi.runAllTimers()
  way.send(frame(3))
  expect(seen).toEqual(['cork', '1', '2', 'uncork', 'cork', '3'])
})

it('what may wait goes before the next frame, or after a while by itself', () => {
  const { seen, way } = outlet()
  way.sendSoon(frame(1))
  way.sendSoon(frame(2))
  expect(seen).toEqual([])
  way.send(frame(3))
  expect(seen).toEqual(['cork', '1', '2', '3'])
  way.sendSoon(frame(4))
  vi.advanceTimersByTime(1999)
  expect(seen).toEqual(['cork', '1', '2', '3', 'uncork'])
  vi.advanceTimersByTime(1)
  expect(seen).toEqual(['cork', '1', '2', '3', 'uncork', '4'])
})

it('what came later waits as long', () => {
  const { seen, way } = outlet()
  way.sendSoon(frame(1))
  vi.advanceTimersByTime(1000)
  way.send(frame(2))
  way.sendSoon(frame(3))
  vi.advanceTimersByTime(1500)
  expect(seen).toEqual(['cork', '1', '2', 'uncork'])
  vi.advanceTimersByTime(600)
  expect(seen).toEqual(['cork', '1', '2', 'uncork', '3'])
})

it('nothing is sent on a socket that has closed meanwhile', () => {
  const { seen, client, way } = outlet()
  way.sendSoon(frame(1))
  client.readyState = 3
  vi.runAllTimers()
  expect(seen).toEqual([])
})
