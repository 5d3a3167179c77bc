import { transferHandlers } from 'comlink'
import { ForgeError, type ForgeErrorJson } from '../kernel/errors.ts'
import { asForgeError } from './failure.ts'

/**
 * Comlink's own handler keeps an error's message and loses the rest. With this one, on both sides of the worker, a
 * ForgeError arrives as one: its code decides what a page shows.
 */
export function installErrorTransfer(): void {
  const handler = transferHandlers.get('throw')
  if (handler === undefined) return
  transferHandlers.set('throw', {
    canHandle: handler.canHandle,
    serialize: (thrown: unknown) => [asForgeError(thrownValue(thrown)).toJSON(), []],
    deserialize: (json: ForgeErrorJson) => {
      throw new ForgeError(json.code, json.message, { hint: json.hint, path: json.path })
    },
  })
}

/** Comlink wraps what was thrown as `{value}` next to a private mark. */
function thrownValue(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'value' in thrown ? thrown.value : thrown
}
