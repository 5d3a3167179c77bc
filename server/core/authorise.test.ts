import { describe, expect, it } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import type { Actor, ActorKind } from './actor.ts'
import { type Action, authorise, MISSING, RULES } from './authorise.ts'

const ACTORS: Readonly<Record<ActorKind, Actor>> = {
  user: { kind: 'user', ownerId: 'me', userId: 'u' },
  guest: { kind: 'guest', ownerId: 'me', userId: 'g' },
  key: { kind: 'key', ownerId: 'me', keyId: 'k' },
  agent: { kind: 'agent', session: 's' },
  visitor: { kind: 'visitor' },
}

/** The whole decision, written a second time by hand: a changed rule must be changed here as well. */
const EXPECTED: Readonly<Record<Action, string>> = {
  'jobs.quote': 'user guest key visitor',
  'jobs.submit': 'user key',
  'jobs.run_example': 'guest',
  'jobs.read': 'user guest key visitor',
  'jobs.list': 'user guest key',
  'jobs.list_public': 'user guest key visitor',
  'jobs.cancel': 'user guest key',
  'jobs.publish': 'user key',
  'jobs.steer': 'user guest key',
  'network.read': 'user guest key visitor',
  'agents.read': 'user guest key visitor',
  'account.read': 'user guest',
  'account.manage': 'user',
  'keys.manage': 'user',
  'node_tokens.manage': 'user',
  'devices.read': 'user',
  'devices.manage': 'user',
  'devices.claim': 'user',
  'sites.read': 'user',
  'sites.manage': 'user',
  'embed.visit': 'user guest key visitor',
  'credits.read': 'user guest key',
  'blobs.read': 'user guest key visitor agent',
  'blobs.write': 'user key agent',
}

function refusal(run: () => void): ForgeError | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof ForgeError) return error
    throw error
  }
}

describe('authorise', () => {
  it('has an expectation for every action', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(RULES).sort())
  })

  const cells = Object.entries(EXPECTED).flatMap(([action, allowed]) =>
    Object.values(ACTORS).map((actor) => ({
      action: action as Action,
      actor,
      kind: actor.kind,
      allowed: allowed.split(' ').includes(actor.kind),
    })),
  )
  it.each(cells)('$kind and $action: $allowed', ({ action, actor, allowed }) => {
    const error = refusal(() => authorise(actor, action))
    if (allowed) expect(error).toBeUndefined()
    else if (actor.kind === 'visitor') expect(error).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
    else expect(error).toMatchObject({ code: 'FORBIDDEN', status: 403 })
  })

  it('tells somebody whose session has ended just that', () => {
    const error = refusal(() => authorise({ kind: 'visitor', sessionEnded: true }, 'jobs.submit'))
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', message: 'your session has ended' })
  })
})

describe('a resource', () => {
  const own = { ownerId: 'me' }
  const foreign = { ownerId: 'other' }
  const isPublic = { ownerId: 'other', isPublic: true }

  it('is its owner’s alone, whatever the action', () => {
    for (const action of ['jobs.read', 'jobs.cancel', 'jobs.publish'] as const) {
      expect(refusal(() => authorise(ACTORS.user, action, own))).toBeUndefined()
      expect(refusal(() => authorise(ACTORS.key, action, own))).toBeUndefined()
      expect(refusal(() => authorise(ACTORS.user, action, foreign))?.code).toBe('NOT_FOUND')
      expect(refusal(() => authorise(ACTORS.key, action, foreign))?.code).toBe('NOT_FOUND')
    }
    expect(refusal(() => authorise(ACTORS.visitor, 'jobs.read', foreign))?.code).toBe('NOT_FOUND')
  })

  it('that belongs to nobody is nobody’s, also not a visitor’s', () => {
    for (const actor of [ACTORS.visitor, ACTORS.user]) {
      expect(refusal(() => authorise(actor, 'jobs.read', { ownerId: undefined }))?.code).toBe('NOT_FOUND')
    }
  })

  it('may be read by everybody once it is public, and nothing more', () => {
    expect(refusal(() => authorise(ACTORS.visitor, 'jobs.read', isPublic))).toBeUndefined()
    expect(refusal(() => authorise(ACTORS.user, 'jobs.cancel', isPublic))?.code).toBe('NOT_FOUND')
    expect(refusal(() => authorise(ACTORS.user, 'jobs.publish', isPublic))?.code).toBe('NOT_FOUND')
  })

  it('that is missing is refused in the same words as somebody else’s', () => {
    for (const action of Object.keys(RULES) as Action[]) {
      if (!EXPECTED[action].includes('user')) continue
      const missing = refusal(() => authorise(ACTORS.user, action, MISSING))
      expect(missing).toMatchObject({ code: 'NOT_FOUND', status: 404 })
      expect(refusal(() => authorise(ACTORS.user, action, foreign))?.toJSON()).toEqual(missing?.toJSON())
    }
  })
})
