'use client'

import { useEffect, useRef, useState } from 'react'
import type { z } from 'zod'

export type LiveStatus = 'connecting' | 'live' | 'offline'

export interface Live<T> {
  /** The newest state seen; kept while offline. Undefined until the room's first state. */
  readonly data: T | undefined
  readonly status: LiveStatus
}

const BACKOFF_FIRST_MS = 300
const BACKOFF_MAX_MS = 5_000
/** Changes within this time become one render. Not an animation frame: those stop in a hidden tab. */
const RENDER_EVERY_MS = 100
/** A quiet room must still show signs of life, or the client's 30 s watchdog takes it for dead. */
const RESYNC_MS = 10_000
/** How long the page looks connected although the socket is gone: a restart of a second needs no banner. */
const OFFLINE_AFTER_MS = 1_500

interface Connection {
  close(): void
}

interface RoomCallbacks {
  onState(value: unknown): void
  onOpen(): void
  onClose(): void
}

/**
 * Loaded when the first room opens: the server renders these pages too, in a process that has a Yjs of its own, and a
 * second copy there breaks both.
 */
async function loadYjs() {
  const [{ WebsocketProvider }, Y] = await Promise.all([import('y-websocket'), import('yjs')])
  return { WebsocketProvider, Y }
}
type YjsModules = Awaited<ReturnType<typeof loadYjs>>

/** One document, one socket. It never reconnects: its owner opens a new one. */
function openRoom(
  { WebsocketProvider, Y }: YjsModules,
  room: string,
  key: string,
  callbacks: RoomCallbacks,
): Connection {
  const doc = new Y.Doc()
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  const provider = new WebsocketProvider(`${scheme}//${location.host}/live`, room, doc, {
    connect: false,
    disableBc: true,
    resyncInterval: RESYNC_MS,
    shouldReconnect: () => false,
  })
  provider.awareness.setLocalState(null)
  const map = doc.getMap(key)
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const close = () => {
    if (closed) return
    closed = true
    clearTimeout(timer)
    provider.destroy()
    doc.destroy()
  }
  const emit = () => {
    timer = undefined
    if (!closed && map.size > 0) callbacks.onState(map.toJSON())
  }
  map.observe(() => {
    timer ??= setTimeout(emit, RENDER_EVERY_MS)
  })
  provider.on('sync', (synced: boolean) => {
    if (!synced || closed) return
    callbacks.onOpen()
    emit()
  })
  provider.on('connection-close', () => {
    if (closed) return
    // The provider is still inside its own close handler.
    queueMicrotask(() => {
      if (closed) return
      close()
      callbacks.onClose()
    })
  })
  provider.connect()
  return { close }
}

/**
 * Follows a live room, at whichever server the connection reaches. After every lost connection (a restart, a dead
 * network) it throws the document away and begins with a new one: a document that survived a restart, or came from
 * another server, could win over the room's, and is refused there.
 *
 * @param room `network`, `job:<id>`, or undefined to stay out
 * @param key name of the room's one map
 */
export function useLiveRoom<T>(
  room: string | undefined,
  key: 'network' | 'job',
  schema: z.ZodType<T>,
): Live<T> {
  const [data, setData] = useState<T | undefined>(undefined)
  const [status, setStatus] = useState<LiveStatus>('connecting')
  const schemaRef = useRef(schema)

  useEffect(() => {
    if (room === undefined) return
    let stopped = false
    let attempt = 0
    let connection: Connection | undefined
    let retry: ReturnType<typeof setTimeout> | undefined
    let banner: ReturnType<typeof setTimeout> | undefined
    let opening = false

    const lost = () => {
      connection = undefined
      if (stopped) return
      banner ??= setTimeout(() => setStatus('offline'), OFFLINE_AFTER_MS)
      const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt++)
      clearTimeout(retry)
      retry = setTimeout(open, ceiling * (0.5 + Math.random() / 2))
    }

    const open = async () => {
      if (stopped || opening || connection !== undefined) return
      clearTimeout(retry)
      opening = true
      try {
        const modules = await loadYjs()
        if (stopped) return
        connection = openRoom(modules, room, key, {
          onState(value) {
            const parsed = schemaRef.current.safeParse(value)
            if (parsed.success) setData(parsed.data)
            else console.error(`live room ${room}: unexpected state`, parsed.error)
          },
          onOpen() {
            attempt = 0
            clearTimeout(banner)
            banner = undefined
            setStatus('live')
          },
          onClose: lost,
        })
      } catch {
        lost()
      } finally {
        opening = false
      }
    }

    const wake = () => {
      if (document.visibilityState !== 'visible') return
      attempt = 0
      void open()
    }

    setData(undefined)
    setStatus('connecting')
    void open()
    window.addEventListener('online', wake)
    document.addEventListener('visibilitychange', wake)
    return () => {
      stopped = true
      clearTimeout(retry)
      clearTimeout(banner)
      connection?.close()
      window.removeEventListener('online', wake)
      document.removeEventListener('visibilitychange', wake)
    }
  }, [room, key])

  return { data, status }
}
