import { connect, createServer } from 'node:net'

/**
 * Gives each connection to the next hub that takes it.
 * @param {readonly number[]} ports
 * @param {number} port
 * @returns {Promise<number>} the port that it listens on
 */
export function proxy(ports, port) {
  let next = 0
  const server = createServer((client) => {
    client.on('error', () => client.destroy())
    /** @param {number} attempt */
    const pass = (attempt) => {
      const target = ports[next++ % ports.length]
      if (attempt >= ports.length || target === undefined) {
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
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
