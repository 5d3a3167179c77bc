import { describe, expect, it } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import type { Actor, ActorKind } from './actor.ts'
import { type Action, authorise, RULES } from './authorise.ts'

const ACTORS: Readonly<Record<ActorKind, Actor>> = {
  local: { kind: 'local', ownerId: 'me' },
  agent: { kind: 'agent', session: 's' },
  visitor: { kind: 'visitor' },
}

/** The whole decision, written a second time by hand: a changed rule must be changed here as well. */
const EXPECTED: Readonly<Record<Action, string>> = {
  'jobs.quote': 'local visitor',
  'jobs.submit': 'local',
  'jobs.read': 'local visitor',
  'jobs.cancel': 'local',
  'network.read': 'local visitor',
  'agents.read': 'local visitor',
  'owners.create_token': 'local',
  'credits.read': 'local',
  'blobs.read': 'local agent visitor',
  'blobs.write': 'local agent',
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
    else expect(error).toMatchObject({ code: 'FORBIDDEN', status: 403 })
  })

  it("lets only a job's owner cancel it", () => {
    expect(refusal(() => authorise(ACTORS.local, 'jobs.cancel', { ownerId: 'me' }))).toBeUndefined()
    expect(refusal(() => authorise(ACTORS.local, 'jobs.cancel', { ownerId: 'other' }))?.code).toBe(
      'FORBIDDEN',
    )
    expect(refusal(() => authorise(ACTORS.local, 'jobs.read', { ownerId: 'other' }))).toBeUndefined()
  })
})
