// Opens the embedded server of the folder given, prints its URL, and holds it until it is killed.
import { openEmbedded } from '../embedded.ts'

const folder = process.argv[2] ?? ''
const server = await openEmbedded({ folder, log: () => {} })
console.log(JSON.stringify({ url: server.url('postgres'), started: server.started }))
setInterval(() => {}, 60_000)
