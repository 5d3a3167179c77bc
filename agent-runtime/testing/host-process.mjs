// Runs inside Node (with Dawn) or Deno (with its own WebGPU): imports the modules that it is told and calls their
// functions. Reads and writes lines of JSON: [id, url, function, argument] in, [id, reply] out; [0, …] means ready.
import process from 'node:process'
import { createInterface } from 'node:readline'

// Standard output belongs to the protocol.
for (const level of /** @type {const} */ (['log', 'info', 'debug'])) console[level] = console.error

if (!('Deno' in globalThis)) {
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  // Node has no `navigator` before version 21, and none with `gpu`.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) }, configurable: true })
}

/** @param {unknown} line */
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** @param {string} text */
async function answer(text) {
  const [id, url, fnName, arg] = JSON.parse(text)
  try {
    const module = await import(url)
    write([id, { ok: true, value: (await module[fnName](arg)) ?? null }])
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    write([id, { ok: false, message, stack: stack ?? '' }])
  }
}

const lines = createInterface({ input: process.stdin })
lines.on('line', answer)
// Whoever started us has gone or wants us gone; Dawn's event loop would keep us alive.
lines.on('close', () => process.exit(0))
write([0, null])
