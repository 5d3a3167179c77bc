import { ForgeError } from '../../kernel/errors.ts'
import { type Actor, type ActorKind, type OwningActor, ownerOf } from './actor.ts'

/**
 * The one place that decides whether an actor may do something. Services ask here and nowhere else; every procedure
 * names its action (`meta({ action })`), routers and routes decide nothing.
 */

const ANYONE = ['user', 'guest', 'key', 'visitor'] as const
const PERSON = ['user'] as const

/** Who may do what. An actor kind that is not listed is refused. */
export const RULES = {
  'jobs.quote': ANYONE,
  'jobs.submit': ['user', 'key'],
  'jobs.run_example': ['guest'],
  'jobs.read': ANYONE,
  'jobs.list': ['user', 'guest', 'key'],
  'jobs.list_public': ANYONE,
  'jobs.cancel': ['user', 'guest', 'key'],
  'jobs.publish': ['user', 'key'],
  /** Pause, resume, priority. */
  'jobs.steer': ['user', 'guest', 'key'],
  'network.read': ANYONE,
  'agents.read': ANYONE,
  'account.read': ['user', 'guest'],
  'account.manage': PERSON,
  'keys.manage': PERSON,
  'node_tokens.manage': PERSON,
  'devices.read': PERSON,
  'devices.manage': PERSON,
  'devices.claim': PERSON,
  'sites.read': PERSON,
  'sites.manage': PERSON,
  /** What a visitor of a partner's page says in the frame there. */
  'embed.visit': ANYONE,
  'credits.read': ['user', 'guest', 'key'],
  'blobs.read': [...ANYONE, 'agent'],
  'blobs.write': ['user', 'key', 'agent'],
} as const satisfies Readonly<Record<string, readonly ActorKind[]>>

export type Action = keyof typeof RULES

/** What the action is done to, where that matters. */
export interface Resource {
  /** Owner that it belongs to; undefined for what belongs to nobody who may ask. */
  readonly ownerId: string | undefined
  /** Whether everybody may read it. */
  readonly isPublic?: boolean
}

/** There is no such thing. It is refused in the same words as another owner's, so that neither tells of the other. */
export const MISSING = 'missing'

/** Actions that a public resource allows to everybody whom RULES lets in; all others need its owner. */
const READS: ReadonlySet<Action> = new Set<Action>(['jobs.read', 'blobs.read'])

/**
 * Whether the actor may do that at all and, when a resource is given, to that one.
 * @throws ForgeError UNAUTHENTICATED when signing in would help; FORBIDDEN when the actor's kind may not do it;
 * NOT_FOUND when the resource is missing or somebody else's
 */
export function authorise(actor: Actor, action: Action, resource?: Resource | typeof MISSING): void {
  const kinds: readonly ActorKind[] = RULES[action]
  if (!kinds.includes(actor.kind)) throw refusal(actor, action)
  if (resource === undefined) return
  if (resource !== MISSING) {
    if (resource.ownerId !== undefined && resource.ownerId === ownerOf(actor)) return
    if (resource.isPublic === true && READS.has(action)) return
  }
  throw new ForgeError('NOT_FOUND', `there is no such ${nounOf(action)}`, {
    hint: 'Check the address; what belongs to somebody else is not shown.',
  })
}

/** Whether `authorise` would let it happen. */
export function permits(actor: Actor, action: Action, resource?: Resource): boolean {
  try {
    authorise(actor, action, resource)
    return true
  } catch (error) {
    if (error instanceof ForgeError) return false
    throw error
  }
}

/** For actions whose actors all own things. @throws ForgeError as `authorise` does */
export function authoriseOwner(actor: Actor, action: Action): OwningActor {
  authorise(actor, action)
  if (!('ownerId' in actor)) throw refusal(actor, action)
  return actor
}

function refusal(actor: Actor, action: Action): ForgeError {
  if (actor.kind === 'visitor') {
    return actor.sessionEnded === true
      ? new ForgeError('UNAUTHENTICATED', 'your session has ended', { hint: 'Sign in again.' })
      : new ForgeError('UNAUTHENTICATED', `${action} needs somebody who has signed in`, {
          hint: 'Sign in, or send an API key: Authorization: Bearer fpak_…',
        })
  }
  return new ForgeError('FORBIDDEN', `${NAMES[actor.kind]} may not do ${action}`, {
    hint: actor.kind === 'guest' ? 'Create an account.' : undefined,
  })
}

const NAMES: Readonly<Record<ActorKind, string>> = {
  user: 'a signed-in user',
  guest: 'a guest',
  key: 'an API key',
  agent: 'an agent',
  visitor: 'a visitor',
}

/** `keys.manage` is done to a key, `node_tokens.manage` to a node token. */
function nounOf(action: Action): string {
  const [plural = ''] = action.split('.', 1)
  return plural.replace(/s$/, '').replace('_', ' ')
}
