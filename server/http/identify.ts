import type { IncomingMessage } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import type { SignIn } from '../accounts/sign-in.ts'
import { type Actor, VISITOR } from '../core/actor.ts'
import type { HubSessions } from '../core/hub-port.ts'
import type { OwnerService } from '../core/owners.ts'
import type { TokenService } from '../core/tokens.ts'

/**
 * Who sends a request. @throws ForgeError UNAUTHENTICATED for an `Authorization` that names nobody: whoever shows a
 * key means to be its owner, and is told when he is not
 */
export type Identify = (request: Credentials) => Promise<Actor>

/** What of a request says who sends it. */
export interface Credentials {
  readonly headers: Pick<IncomingMessage['headers'], 'authorization' | 'cookie'>
}

export interface IdentifyPorts {
  readonly signIn: Pick<SignIn, 'session'>
  readonly owners: Pick<OwnerService, 'ofPerson'>
  readonly tokens: Pick<TokenService, 'resolve'>
  readonly hub: Pick<HubSessions, 'knowsSession'>
}

/** An `Authorization` header goes before cookies; one of a scheme that is not ours, as a proxy may ask for, is ignored. */
export function createIdentify({ signIn, owners, tokens, hub }: IdentifyPorts): Identify {
  const byKey = async (key: string): Promise<Actor> => {
    if (!/^fpak_[A-Za-z0-9_-]{43}$/.test(key)) {
      throw new ForgeError('UNAUTHENTICATED', 'this is not an API key', {
        hint: 'An API key is fpak_ followed by 43 characters.',
      })
    }
    const { owner, tokenId } = await tokens.resolve('api_key', key)
    return { kind: 'key', ownerId: owner.id, keyId: tokenId }
  }

  const bySession = async (session: string): Promise<Actor> => {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(session) || !(await hub.knowsSession(session))) {
      throw new ForgeError('UNAUTHENTICATED', 'this session is not known', { hint: 'Enrol again.' })
    }
    return { kind: 'agent', session }
  }

  return async (request) => {
    const [, scheme = '', credentials = ''] = /^(\S+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? []
    if (scheme.toLowerCase() === 'bearer') return byKey(credentials)
    if (scheme === 'Forge-Session') return bySession(credentials)
    const { cookie } = request.headers
    const person = cookie === undefined ? undefined : await signIn.session(cookie)
    if (person === undefined) return VISITOR
    if (person === 'ended') return { kind: 'visitor', sessionEnded: true }
    const { id } = await owners.ofPerson(person)
    const { userId, sessionId } = person
    return { kind: person.isGuest ? 'guest' : 'user', ownerId: id, userId, sessionId }
  }
}
