import { serveThread } from './thread-body.ts'
import type { ThreadRequest } from './thread-messages.ts'

/** Entry of the computing thread in a browser: a module worker that the agent's worker starts. */
const serve = serveThread((reply) => self.postMessage(reply))
self.addEventListener('message', (event: MessageEvent<ThreadRequest>) => serve(event.data))
