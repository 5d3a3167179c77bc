/**
 * Who asks. Every service takes an actor as its first argument; `server/http/identify.ts` makes it from a request.
 *
 * - `user`: somebody who has signed in.
 * - `guest`: a visitor with an anonymous session. He may run one example on test credits; it becomes his at sign-up.
 * - `key`: a program with an API key, acting for the key's owner.
 * - `agent`: a contributing agent inside an enrolled session.
 * - `visitor`: everybody else. May read what is public, may change nothing.
 */
export type Actor =
  | {
      readonly kind: 'user'
      readonly ownerId: string
      readonly userId: string
      /** The session he speaks in. */
      readonly sessionId?: string
    }
  | {
      readonly kind: 'guest'
      readonly ownerId: string
      readonly userId: string
      readonly sessionId?: string
    }
  | { readonly kind: 'key'; readonly ownerId: string; readonly keyId: string }
  | { readonly kind: 'agent'; readonly session: string }
  | {
      readonly kind: 'visitor'
      /** He came with a session that has ended: he is to be told so instead of "sign in". */
      readonly sessionEnded?: boolean
    }

export type ActorKind = Actor['kind']

/** Actors that things can belong to. */
export type OwningActor = Extract<Actor, { readonly ownerId: string }>

export const VISITOR: Actor = { kind: 'visitor' }

/** The owner an actor acts for, or undefined when nothing can be his. */
export function ownerOf(actor: Actor): string | undefined {
  return 'ownerId' in actor ? actor.ownerId : undefined
}
