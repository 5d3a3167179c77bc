/**
 * Who asks. Every service takes an actor as its first argument, so that accounts can come without moving a wall.
 *
 * - `local`: the one user of this site until sign-in exists: somebody at the machine the site runs on.
 * - `agent`: a contributing agent inside an enrolled session.
 * - `visitor`: everybody else. May read what is public, may change nothing.
 */
export type Actor =
  | { readonly kind: 'local'; readonly ownerId: string }
  | { readonly kind: 'agent'; readonly session: string }
  | { readonly kind: 'visitor' }

export type ActorKind = Actor['kind']

export const VISITOR: Actor = { kind: 'visitor' }
