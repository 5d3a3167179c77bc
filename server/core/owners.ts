import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { OwnerRow, OwnerStore } from '../memory/ports.ts'
import type { Actor } from './actor.ts'
import { authorise } from './authorise.ts'
import { networkPrefix } from './network-prefix.ts'

export const OWNER_TOKEN_PREFIX = 'fpnt_'

export interface OwnerService {
  /** The account behind the `local` actor. */
  local(): Promise<OwnerRow>
  /**
   * Owner of an agent's connection: the token's, or else the agent's network.
   * @throws ForgeError UNAUTHENTICATED for a token that names nobody
   */
  ofConnection(remoteAddress: string, token: string | undefined): Promise<OwnerRow>
  /** A new secret by which agents name `label` as their owner. It is shown once; only its SHA-256 is stored. */
  createToken(actor: Actor, label: string): Promise<{ readonly token: string; readonly owner: string }>
  /** The house agent's token: the given one if it still names the house, else a new one. */
  houseToken(kept: string | undefined): Promise<string>
}

/** `fpnt_` and 32 random bytes in base64url (43 characters). */
export function newOwnerToken(): string {
  return OWNER_TOKEN_PREFIX + randomBytes(32).toString('base64url')
}

export function createOwnerService(store: OwnerStore): OwnerService {
  const issue = async (owner: OwnerRow): Promise<string> => {
    const token = newOwnerToken()
    await store.addToken(owner.id, sha256Hex(token))
    return token
  }
  return {
    local: () => store.ensure('account', 'local'),

    async ofConnection(remoteAddress, token) {
      if (token === undefined) return store.network(networkPrefix(remoteAddress))
      const owner = await store.byToken(sha256Hex(token))
      if (owner === undefined) {
        throw new ForgeError('UNAUTHENTICATED', 'this owner token names nobody', {
          path: 'owner_token',
          hint: 'Create a token on the contribute page, or leave it out: the owner is then your network.',
        })
      }
      return owner
    },

    async createToken(actor, label) {
      authorise(actor, 'owners.create_token')
      const owner = await store.ensure('account', label)
      return { token: await issue(owner), owner: owner.label }
    },

    async houseToken(kept) {
      if (kept !== undefined && (await store.byToken(sha256Hex(kept)))?.kind === 'house') return kept
      return issue(await store.ensure('house', 'house'))
    },
  }
}
