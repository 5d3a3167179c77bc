import { WebSocket } from 'ws'
import { answerParent } from './child.ts'
import { type WatchersStart, watchersStart } from './messages.ts'

/** People who watch one room: each asks for its state once, as y-websocket does, and then hears every change. */

/** Sync step 1 of a document without content: message type 0, step 0, a state vector of one byte, 0. */
const SYNC_STEP_1 = Uint8Array.of(0, 0, 1, 0)
const CONNECTING = 64

const seen = { frames: 0, bytes: 0 }
const faults: string[] = []

answerParent({
  start: (input) => start(watchersStart.parse(input)),
  seen: () => ({ ...seen, faults }),
})

async function start({ url, api_key, count }: WatchersStart): Promise<void> {
  let left = count
  const lane = async () => {
    while (left-- > 0) await watch(url, api_key)
  }
  await Promise.all(Array.from({ length: CONNECTING }, lane))
}

function watch(url: string, api_key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      headers: { authorization: `Bearer ${api_key}` },
    })
    socket.on('open', () => socket.send(SYNC_STEP_1))
    socket.once('message', () => resolve())
    socket.on('message', (data: Buffer) => {
      seen.frames++
      seen.bytes += data.length
    })
    socket.on('error', reject)
    socket.on('close', (code, reason) => {
      faults.push(`closed with ${code} ${reason.toString()}`)
      reject(new Error(faults.at(-1)))
    })
  })
}
