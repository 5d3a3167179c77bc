import { connect, createServer } from 'node:net'

/**
 * Gives each connection to the next hub that is ready, and where none is, or those do not take it, to any that does.
 * @param {readonly number[]} ports of the hubs
 * @param {number} port to listen on; 0: any free one
 * @param {(port: number) => boolean} isReady
 * @returns {Promise<{port: number, close(): Promise<void>}>} where it listens
 */
export function proxy(ports, port, isReady) {
  let next = 0
  /** @type {Set<import('node:net').Socket>} */
  const clients = new Set()
  const server = createServer((client) => {
    clients.add(client)
    client.on('error', () => client.destroy())
    client.on('close', () => clients.delete(client))
    const first = next++
    const round = ports.map((_, at) => ports[(first + at) % ports.length] ?? 0)
    // One that only starts takes connections too, and tells every request to come back.
    const order = [...round.filter(isReady), ...round.filter((hub) => !isReady(hub))]
    /** @param {number} attempt */
    const pass = (attempt) => {
      const target = order[attempt]
      if (target === undefined) {
        client.destroy()
        return
      }
      const hub = connect(target, '127.0.0.1')
      let isOpen = false
      hub.once('connect', () => {
        isOpen = true
        hub.pipe(client).pipe(hub)
      })
      hub.on('error', () => (isOpen ? client.destroy() : pass(attempt + 1)))
      hub.on('close', () => isOpen && client.destroy())
      client.on('close', () => hub.destroy())
    }
    pass(0)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : port,
        close: () =>
          new Promise((closed) => {
            for (const client of clients) client.destroy()
            server.close(() => closed(undefined))
          }),
      })
    })
  })
}
