import { parentPort } from 'node:worker_threads'
import { invariant } from '../../kernel/errors.ts'
import { serveThread } from '../wasm/thread-body.ts'
import type { ThreadRequest } from '../wasm/thread-messages.ts'

/** Entry of the computing thread in Node. */
const port = parentPort
invariant(port !== null, 'this file runs as a thread')
const serve = serveThread((reply) => port.postMessage(reply))
port.on('message', (request: ThreadRequest) => serve(request))
