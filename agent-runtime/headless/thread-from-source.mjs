// Start of the computing thread when the agent runs from source: a thread of Node 20 does not inherit the TypeScript
// loader of its process, so it registers its own. The bundled agent does not need it.
import { workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
await import(workerData.entry)
