// The computing thread when the agent runs from source: a thread of Node 20 does not inherit the TypeScript loader of
// its process, so it registers its own. The bundle has a thread of its own and does not need this file.
import { register } from 'tsx/esm/api'

register()
await import('./worker.ts')
