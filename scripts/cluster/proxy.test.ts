import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { proxy } from './proxy.mjs'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

/** A hub that says its name to whoever connects, and hangs up. */
async function hub(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => void socket.end(name)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  return { server, port: (server.address() as AddressInfo).port }
}

/** What one connection through the proxy hears. */
async function heard(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let text = ''
  socket.on('data', (part) => {
    text += part
  })
  await once(socket, 'close')
  return text
}

it('gives connections to the hubs in turn, passes over those that are not ready, and leaves nobody with a dead one', async () => {
  const [first, second, third] = [await hub('first'), await hub('second'), await hub('third')]
  const ready = new Set([first.port, second.port, third.port])
  const front = await proxy([...ready], 0, (port) => ready.has(port))
  open.push(front)
  const three = async () => [await heard(front.port), await heard(front.port), await heard(front.port)].sort()
  expect(await three()).toEqual(['first', 'second', 'third'])

  ready.delete(second.port)
  expect(new Set(await three())).toEqual(new Set(['first', 'third']))

  // Gone, and nobody has noticed yet.
  first.server.close()
  await once(first.server, 'close')
  expect(await three()).toEqual(['third', 'third', 'third'])

  // None is known to be ready: whoever takes the connection has it.
  ready.clear()
  expect(new Set(await three())).toEqual(new Set(['second', 'third']))

  for (const { server } of [second, third]) {
    server.close()
    await once(server, 'close')
  }
  expect(await heard(front.port)).toBe('')
})
