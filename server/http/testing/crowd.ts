import { connect } from 'node:net'
import { z } from 'zod'

/**
 * Opens so many connections from one address as fast as they are answered, each of which asks to become an agent's socket,
 * and does nothing more: none is closed from here. Prints how many are closed once all but `kept` are.
 */
const [port, crowd, kept] = z
  .tuple([z.coerce.number(), z.coerce.number(), z.coerce.number()])
  .parse(process.argv.slice(2))
const UPGRADE = [
  'GET /agent HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n')

/** What the system holds of connections that a server has not looked at; it drops more, for the client to try again. */
const UNANSWERED = 256

let opened = 0
let closed = 0

function open(): void {
  if (opened === crowd) return
  opened++
  let isAnswered = false
  const answered = () => {
    if (!isAnswered) open()
    isAnswered = true
  }
  const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
  socket.on('connect', () => socket.write(UPGRADE))
  socket.on('error', () => {})
  socket.on('data', answered)
  socket.on('close', () => {
    answered()
    closed++
    if (closed === crowd - kept) console.log(closed)
    if (closed > crowd - kept) console.log(`${closed} are closed`)
  })
}

for (let nth = 0; nth < UNANSWERED; nth++) open()
