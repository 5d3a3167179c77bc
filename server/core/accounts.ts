import type { AccountView, SessionView } from '../../kernel/api/people.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { UserStore } from '../memory/ports/users.ts'
import type { Actor } from './actor.ts'
import { authorise, MISSING } from './authorise.ts'

/** What somebody who has signed in may know and do about himself. */
export interface AccountService {
  me(actor: Actor): Promise<AccountView>
  /** Where he has signed in, the newest first. */
  sessions(actor: Actor): Promise<SessionView[]>
  /** @throws ForgeError NOT_FOUND */
  endSession(actor: Actor, id: string): Promise<void>
  /** Ends every session, this one too. API keys and node tokens stay. @returns how many */
  signOutEverywhere(actor: Actor): Promise<{ ended: number }>
  /**
   * Erases the account: sessions, keys, tokens, address, name, passkeys, uploads. Jobs that run are cancelled. Jobs,
   * receipts and the ledger stay, under an owner that is called `erased` and that nobody can sign in for.
   * @throws ForgeError FORBIDDEN for a wrong password
   */
  erase(actor: Actor, password: string): Promise<void>
}

export interface AccountServicePorts {
  readonly users: UserStore
  /** Whether somebody who has signed in knows his password as well. */
  readonly passwordFits: (userId: string, password: string) => Promise<boolean>
  /** The sessions of this user are over: what they opened is to be closed. */
  readonly signedOut: (userId: string) => void
  /** The account is gone: what its owner has running is to be ended. */
  readonly erased: (ownerId: string) => Promise<void>
}

export function createAccountService(ports: AccountServicePorts): AccountService {
  const { users } = ports
  return {
    async me(actor) {
      const user = await users.get(userOf(actor, 'account.read').userId)
      if (user === undefined) throw new ForgeError('UNAUTHENTICATED', 'this account is gone')
      return {
        kind: user.isGuest ? 'guest' : 'user',
        name: user.name,
        email: user.isGuest ? null : user.email,
        email_verified: user.emailVerified,
        created_at: user.createdAt.toISOString(),
      }
    },

    async sessions(actor) {
      const { userId, sessionId } = userOf(actor, 'account.manage')
      return (await users.sessions(userId)).map((session) => ({
        id: session.id,
        current: session.id === sessionId,
        created_at: session.createdAt.toISOString(),
        last_seen: session.updatedAt.toISOString(),
        address: session.address,
        browser: session.userAgent,
      }))
    },

    async endSession(actor, id) {
      const { userId } = userOf(actor, 'account.manage')
      if (!(await users.endSession(userId, id))) authorise(actor, 'account.manage', MISSING)
      ports.signedOut(userId)
    },

    async signOutEverywhere(actor) {
      const { userId } = userOf(actor, 'account.manage')
      const ended = await users.endSessions(userId)
      ports.signedOut(userId)
      return { ended }
    },

    async erase(actor, password) {
      const { userId, ownerId } = userOf(actor, 'account.manage')
      if (!(await ports.passwordFits(userId, password))) {
        throw new ForgeError('FORBIDDEN', 'the password is wrong', { path: 'password' })
      }
      await users.erase(userId, ownerId)
      ports.signedOut(userId)
      await ports.erased(ownerId)
    },
  }
}

function userOf(
  actor: Actor,
  action: 'account.read' | 'account.manage',
): Extract<Actor, { readonly userId: string }> {
  authorise(actor, action)
  if (!('userId' in actor)) throw new ForgeError('FORBIDDEN', `${action} needs a person`)
  return actor
}
