import { ForgeError } from '../../kernel/errors.ts'
import type { Actor, ActorKind } from './actor.ts'

/**
 * The one place that decides whether an actor may do something. Services ask here and nowhere else; routers and
 * routes decide nothing.
 */

/** Who may do what. An actor kind that is not listed is refused. */
export const RULES = {
  'jobs.quote': ['local', 'visitor'],
  'jobs.submit': ['local'],
  'jobs.read': ['local', 'visitor'],
  'jobs.cancel': ['local'],
  'network.read': ['local', 'visitor'],
  'agents.read': ['local', 'visitor'],
  'owners.create_token': ['local'],
  'credits.read': ['local'],
  'blobs.read': ['local', 'visitor', 'agent'],
  'blobs.write': ['local', 'agent'],
} as const satisfies Readonly<Record<string, readonly ActorKind[]>>

export type Action = keyof typeof RULES

/** What the action is done to, where that matters. */
export interface Resource {
  /** Account that owns it. */
  readonly ownerId: string
}

/**
 * Actions on somebody's own things: the actor must be their owner. Everything else is public within RULES, because
 * contracts of classification `project` are not accepted yet.
 */
export function authoriseOwner(actor: Actor, action: Action): { readonly ownerId: string } {
  authorise(actor, action)
  if (actor.kind !== 'local') throw new ForgeError('FORBIDDEN', `a ${actor.kind} owns nothing`)
  return actor
}

const OWNER_ONLY: ReadonlySet<Action> = new Set<Action>(['jobs.cancel'])

/** @throws ForgeError FORBIDDEN when the actor may not do that */
export function authorise(actor: Actor, action: Action, resource?: Resource): void {
  const kinds: readonly ActorKind[] = RULES[action]
  if (!kinds.includes(actor.kind)) {
    throw new ForgeError('FORBIDDEN', `a ${actor.kind} may not do ${action}`, {
      hint: kinds.includes('local')
        ? 'Until sign-in exists, open the site at http://localhost on the machine it runs on.'
        : undefined,
    })
  }
  if (resource === undefined || !OWNER_ONLY.has(action)) return
  if (actor.kind !== 'local' || actor.ownerId !== resource.ownerId) {
    throw new ForgeError('FORBIDDEN', `only its owner may do ${action}`)
  }
}
