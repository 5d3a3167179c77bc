import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'

/** What a room holds: the keys of one Y.Map. Values are plain JSON, each replaced as a whole. */
export type Entries = Readonly<Record<string, unknown>>

/** Message types of the y-websocket protocol. */
const MESSAGE_SYNC = 0
const MESSAGE_AWARENESS = 1
const MESSAGE_AUTH = 2
const MESSAGE_QUERY_AWARENESS = 3

/**
 * One live room: a document that only this process writes, mirrored to every watcher. It is a projection: losing it
 * loses nothing.
 */
export class Room {
  readonly #doc = new Y.Doc()
  readonly #map: Y.Map<unknown>
  /** Last value of each key as JSON, so that an unchanged value costs no traffic. */
  readonly #shown = new Map<string, string>()
  readonly #broadcast: (frame: Uint8Array) => void

  /** @param broadcast sends one frame to all watchers */
  constructor(mapName: string, broadcast: (frame: Uint8Array) => void) {
    this.#broadcast = broadcast
    this.#map = this.#doc.getMap(mapName)
    this.#doc.on('update', (update: Uint8Array) => {
      const encoder = encoding.createEncoder()
      encoding.writeVarUint(encoder, MESSAGE_SYNC)
      sync.writeUpdate(encoder, update)
      this.#broadcast(encoding.toUint8Array(encoder))
    })
  }

  /** Sets keys in one transaction, skipping those that have not changed. */
  set(entries: Entries): void {
    this.#doc.transact(() => {
      for (const [key, value] of Object.entries(entries)) {
        const json = JSON.stringify(value)
        if (this.#shown.get(key) === json) continue
        this.#shown.set(key, json)
        this.#map.set(key, value)
      }
    })
  }

  /** Sets only keys that nothing has set yet: what was loaded is older than what was published meanwhile. */
  setMissing(entries: Entries): void {
    this.set(Object.fromEntries(Object.entries(entries).filter(([key]) => !this.#shown.has(key))))
  }

  /**
   * Answers one message of a watcher. Only a request for state (sync step 1) has an answer; updates, sync step 2 and
   * awareness are dropped: rooms have one writer, and nothing here is meant for other visitors.
   * @returns the frame with the state that the watcher lacks; `foreign` when his document holds what this room has not
   * written; undefined for what has no answer
   * @throws Error when the message is malformed
   */
  answer(message: Uint8Array): Uint8Array | 'foreign' | undefined {
    const decoder = decoding.createDecoder(message)
    switch (decoding.readVarUint(decoder)) {
      case MESSAGE_SYNC: {
        if (decoding.readVarUint(decoder) !== sync.messageYjsSyncStep1) return undefined
        const known = decoding.readVarUint8Array(decoder)
        if (this.#isForeign(known)) return 'foreign'
        const encoder = encoding.createEncoder()
        encoding.writeVarUint(encoder, MESSAGE_SYNC)
        sync.writeSyncStep2(encoder, this.#doc, known)
        return encoding.toUint8Array(encoder)
      }
      case MESSAGE_AWARENESS:
      case MESSAGE_AUTH:
      case MESSAGE_QUERY_AWARENESS:
        return undefined
      default:
        throw new Error('an unknown message type')
    }
  }

  /**
   * Whether a state vector tells of writing that is not this room's: a document kept from another server, an earlier
   * process or an earlier room, or written by its holder. Merged with ours it could win over what the room shows.
   */
  #isForeign(stateVector: Uint8Array): boolean {
    for (const [client, clock] of Y.decodeStateVector(stateVector))
      if (clock > Y.getState(this.#doc.store, client)) return true
    return false
  }

  destroy(): void {
    this.#doc.destroy()
  }
}

/** An awareness message about nobody: it changes nothing and shows y-websocket that the connection lives. */
export function keepAliveFrame(): Uint8Array {
  const nobody = encoding.createEncoder()
  encoding.writeVarUint(nobody, 0)
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, MESSAGE_AWARENESS)
  encoding.writeVarUint8Array(encoder, encoding.toUint8Array(nobody))
  return encoding.toUint8Array(encoder)
}
