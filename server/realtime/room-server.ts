import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { CLOSE } from '../../kernel/protocol.ts'
import type { Actor } from '../core/actor.ts'
import { HostCap } from '../core/host-cap.ts'
import type { Log } from '../core/log.ts'
import { TokenBucket } from '../core/token-bucket.ts'
import { ROOM_LIMITS } from './limits.ts'
import { type Entries, keepAliveFrame, Room } from './room.ts'
import { parseRoomName, ROOM_GONE, type RoomId, roomName } from './room-name.ts'

/** Where rooms come from: the database and the hub. */
export interface RoomSource {
  /** @returns what the room shows now, or undefined when there is no such room */
  load(room: RoomId): Promise<Entries | undefined>
  /** Whether the actor may watch it; false for a room that is not there. */
  mayWatch(room: RoomId, actor: Actor): Promise<boolean>
}

export interface RoomPublisher {
  /** Shows values in a room that somebody watches; a room that nobody watches is loaded when somebody comes. */
  set(room: RoomId, entries: Entries): void
  watched(room: RoomId): boolean
}

export interface RoomServer extends RoomPublisher {
  /** Takes over a WebSocket upgrade for `/live/<name>`. */
  accept(upgrade: Upgrade, name: string, watcher: Watcher): Promise<void>
  /** Asks again whether each watcher may watch, and cuts those who may not. */
  recheck(room: RoomId): Promise<void>
  /** Cuts the watchers whom `which` names; they may come back as whoever they are now. */
  cut(which: (actor: Actor) => boolean): void
  /** Cuts all watchers; they come back to the next process. */
  close(): void
}

export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export interface Watcher {
  readonly actor: Actor
  readonly clientAddress: string
}

interface OpenRoom {
  readonly room: Room
  /** Who watches through which socket. */
  readonly sockets: Map<WebSocket, Actor>
  /** Those whose document was found to be this room's or empty: they alone hear of changes. */
  readonly synced: Set<WebSocket>
  readonly loaded: Promise<boolean>
  idleTimer: NodeJS.Timeout | undefined
}

/** The same for a room that is not there and one that others may watch. */
const NO_ROOM = { code: ROOM_GONE, reason: 'there is no such room' } as const
const FOREIGN = {
  code: ROOM_GONE,
  reason: 'the document is of another room; begin with an empty one',
} as const

export function createRoomServer(options: {
  source: RoomSource
  log: Log
  /** Watchers that one address may have. Undefined: ROOM_LIMITS. */
  socketsPerHost?: number | undefined
}): RoomServer {
  const { source, log } = options
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: ROOM_LIMITS.message_bytes,
    perMessageDeflate: false,
  })
  const rooms = new Map<string, OpenRoom>()
  const hosts = new HostCap(options.socketsPerHost ?? ROOM_LIMITS.sockets_per_host)

  const evict = (name: string, open: OpenRoom): void => {
    if (rooms.get(name) === open) rooms.delete(name)
    clearTimeout(open.idleTimer)
    open.room.destroy()
  }

  const evictWhenIdle = (name: string, open: OpenRoom): void => {
    clearTimeout(open.idleTimer)
    if (open.sockets.size > 0) return
    open.idleTimer = setTimeout(() => evict(name, open), ROOM_LIMITS.idle_ms)
    open.idleTimer.unref()
  }

  /** The room stands in the map before it is loaded, so that what the hub says meanwhile is not lost. */
  const openRoom = (id: RoomId): OpenRoom => {
    const name = roomName(id)
    const existing = rooms.get(name)
    if (existing !== undefined) return existing
    const synced = new Set<WebSocket>()
    const room = new Room(id.kind, (frame) => {
      for (const socket of synced) send(socket, frame)
    })
    const loaded = source.load(id).then((entries) => {
      if (entries !== undefined) room.setMissing(entries)
      return entries !== undefined
    })
    const open: OpenRoom = { room, sockets: new Map(), synced, loaded, idleTimer: undefined }
    rooms.set(name, open)
    evictWhenIdle(name, open)
    return open
  }

  /** @returns the room, or why it cannot be opened */
  const find = async (
    name: string,
    actor: Actor,
  ): Promise<OpenRoom | { readonly code: number; readonly reason: string }> => {
    const parsed = parseRoomName(name)
    if (parsed === undefined) return { code: ROOM_GONE, reason: 'not the name of a room' }
    if (rooms.size >= ROOM_LIMITS.rooms && !rooms.has(name)) {
      return { code: CLOSE.restarting, reason: 'too many rooms are open; try again' }
    }
    let open: OpenRoom | undefined
    try {
      if (!(await source.mayWatch(parsed, actor))) return NO_ROOM
      open = openRoom(parsed)
      if (await open.loaded) return open
      evict(name, open)
      return NO_ROOM
    } catch (error) {
      if (open !== undefined) evict(name, open)
      log.error('room.load_failed', { room: name, error })
      return { code: CLOSE.restarting, reason: 'the room could not be read; try again' }
    }
  }

  const watch = (socket: WebSocket, name: string, open: OpenRoom, actor: Actor): void => {
    open.sockets.set(socket, actor)
    clearTimeout(open.idleTimer)
    const messages = new TokenBucket(
      ROOM_LIMITS.messages_per_s,
      ROOM_LIMITS.messages_burst,
      performance.now(),
    )
    socket.on('message', (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return
      if (!messages.take(1, performance.now())) {
        socket.close(CLOSE.too_many, 'too many messages')
        return
      }
      try {
        if (!isBinary) throw new Error('a text frame')
        const answer = open.room.answer(bytesOf(data))
        if (answer === undefined) return
        if (answer === 'foreign') {
          open.synced.delete(socket)
          socket.close(FOREIGN.code, FOREIGN.reason)
          return
        }
        send(socket, answer)
        open.synced.add(socket)
      } catch (error) {
        log.debug('room.malformed', { room: name, error })
        socket.close(CLOSE.malformed, 'not a message of the sync protocol')
      }
    })
    socket.once('close', () => {
      open.sockets.delete(socket)
      open.synced.delete(socket)
      if (rooms.get(name) === open) evictWhenIdle(name, open)
    })
  }

  const alive = new WeakSet<WebSocket>()
  const keepAlive = keepAliveFrame()
  const keepAliveTimer = setInterval(() => {
    for (const socket of wss.clients) {
      if (!alive.delete(socket)) {
        socket.terminate()
        continue
      }
      socket.ping()
      send(socket, keepAlive)
    }
  }, ROOM_LIMITS.keep_alive_ms)
  keepAliveTimer.unref()

  return {
    async accept({ request, socket, head }, name, { actor, clientAddress }) {
      const found = hosts.hold(socket, clientAddress)
        ? await find(name, actor)
        : { code: CLOSE.too_many, reason: 'too many connections from this address' }
      wss.handleUpgrade(request, socket, head, (client) => {
        alive.add(client)
        client.on('pong', () => alive.add(client))
        client.on('error', (error) => log.debug('room.socket_error', { error }))
        if ('code' in found) client.close(found.code, found.reason)
        else if (rooms.get(name) !== found) client.close(CLOSE.restarting, 'the room was closed; try again')
        else if (found.sockets.size >= ROOM_LIMITS.sockets_per_room)
          client.close(CLOSE.restarting, 'the room is full')
        else watch(client, name, found, actor)
      })
    },

    async recheck(id) {
      for (const [socket, actor] of rooms.get(roomName(id))?.sockets ?? []) {
        if (!(await source.mayWatch(id, actor))) socket.close(NO_ROOM.code, NO_ROOM.reason)
      }
    },

    cut(which) {
      for (const { sockets } of rooms.values()) {
        for (const [socket, actor] of sockets) {
          if (which(actor)) socket.close(CLOSE.restarting, 'the session has ended')
        }
      }
    },

    set(id, entries) {
      rooms.get(roomName(id))?.room.set(entries)
    },

    watched: (id) => rooms.has(roomName(id)),

    close() {
      clearInterval(keepAliveTimer)
      for (const client of wss.clients) client.close(CLOSE.restarting, 'the server restarts')
      for (const [name, open] of rooms) evict(name, open)
      wss.close()
    },
  }
}

function send(socket: WebSocket, frame: Uint8Array): void {
  if (socket.readyState !== socket.OPEN) return
  if (socket.bufferedAmount > ROOM_LIMITS.backlog_bytes) socket.terminate()
  else socket.send(frame)
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
