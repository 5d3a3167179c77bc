import { expect, it } from 'vitest'
import { otherSockets, parseHubAddress } from './hub-address.ts'

it('goes to no hub by a less secure way than to its site, and to nothing that is no socket', () => {
  const told = ['wss://b.example/agent', 'ws://c.example/agent', 'https://d.example', 'nonsense']
  expect(otherSockets(parseHubAddress('https://pool.example'), told)).toEqual(['wss://b.example/agent'])
  expect(otherSockets(parseHubAddress('http://localhost:3000'), told)).toEqual([
    'wss://b.example/agent',
    'ws://c.example/agent',
  ])
})
