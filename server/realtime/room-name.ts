/**
 * `job:<id>@<epoch>` and `network@<epoch>`. The epoch is the serving process's: a document that a client kept from an
 * earlier process would win over a restarted server's, so a name with another epoch opens nothing.
 */
export type RoomId = { readonly kind: 'job'; readonly id: string } | { readonly kind: 'network' }

/** Closes a room's socket for good: fetch the epoch, take a fresh document, open the new name. */
export const ROOM_GONE = 4404

const NAME =
  /^(?:job:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|network)@(0|[1-9][0-9]{0,15})$/

export function roomName(room: RoomId, epoch: number): string {
  return `${room.kind === 'job' ? `job:${room.id}` : 'network'}@${epoch}`
}

export function parseRoomName(text: string): { readonly room: RoomId; readonly epoch: number } | undefined {
  const match = NAME.exec(text)
  if (match === null) return undefined
  const [, id, epoch] = match
  return { room: id === undefined ? { kind: 'network' } : { kind: 'job', id }, epoch: Number(epoch) }
}
