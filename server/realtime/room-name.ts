/** `job:<id>` and `network`: the same at every server, whichever made the page. */
export type RoomId = { readonly kind: 'job'; readonly id: string } | { readonly kind: 'network' }

/** Closes a room's socket for good: take a fresh document and open the room anew. */
export const ROOM_GONE = 4404

const NAME = /^(?:job:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|network)$/

export function roomName(room: RoomId): string {
  return room.kind === 'job' ? `job:${room.id}` : 'network'
}

export function parseRoomName(text: string): RoomId | undefined {
  const match = NAME.exec(text)
  if (match === null) return undefined
  const [, id] = match
  return id === undefined ? { kind: 'network' } : { kind: 'job', id }
}
