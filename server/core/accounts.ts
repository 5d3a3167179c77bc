import type { AccountView } from '../../kernel/api/people.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { UserStore } from '../memory/ports.ts'
import type { Actor } from './actor.ts'
import { authorise } from './authorise.ts'

/** What somebody who has signed in may know and do about himself. */
export interface AccountService {
  me(actor: Actor): Promise<AccountView>
}

export function createAccountService(users: UserStore): AccountService {
  return {
    async me(actor) {
      authorise(actor, 'account.read')
      const user = 'userId' in actor ? await users.get(actor.userId) : undefined
      if (user === undefined) throw new ForgeError('UNAUTHENTICATED', 'this account is gone')
      return {
        kind: user.isGuest ? 'guest' : 'user',
        name: user.name,
        email: user.isGuest ? null : user.email,
        email_verified: user.emailVerified,
        created_at: user.createdAt.toISOString(),
      }
    },
  }
}
