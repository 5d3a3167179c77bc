/** Plain JSON: what crosses the border into a browser or another process unchanged. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A WebGPU implementation that runs the caller's code. Modules and their state live until `close`. */
export interface Host {
  readonly name: string
  /** Which front end reads WGSL. */
  readonly compiler: 'tint' | 'naga'
  /** Which Vulkan driver executes. */
  readonly driver: string
  /**
   * Calls an exported function inside the host, with `navigator.gpu` there. The same source is imported once, so its
   * module variables (a device, compiled pipelines) last from call to call.
   * @param moduleSource a self-contained ES module
   * @throws the error of the function, with its message and the host's name
   */
  evaluate(moduleSource: string, fnName: string, arg: Json): Promise<Json>
  close(): Promise<void>
}

/** A host that can be opened on this machine. */
export interface HostFactory {
  readonly name: string
  readonly compiler: Host['compiler']
  readonly driver: string
  open(): Promise<Host>
}

/** One call may compile pipelines and run a whole shard on a software driver. */
export const EVALUATE_TIMEOUT_MS = 240_000
export const OPEN_TIMEOUT_MS = 60_000

/** What a host answers to one call, as JSON text. */
export type Reply = { ok: true; value: Json } | { ok: false; message: string; stack: string }

/** @throws the host's error, when the reply is one. */
export function unwrapReply(hostName: string, reply: Reply): Json {
  if (reply.ok) return reply.value
  const error = new Error(`${hostName}: ${reply.message}`)
  error.stack = `${error.message}\n${reply.stack}`
  throw error
}
