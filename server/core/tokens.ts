import { randomBytes } from 'node:crypto'
import type { TokenView } from '../../kernel/api/people.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import type { OwnerRow } from '../memory/ports/owners.ts'
import type { TokenKind, TokenRow, TokenStore } from '../memory/ports/tokens.ts'
import type { Actor } from './actor.ts'
import { type Action, authorise, authoriseOwner, MISSING } from './authorise.ts'
import { CORE_LIMITS } from './limits.ts'

/** API keys for programs that submit, node tokens for agents without a page. */
export interface TokenService {
  /** A new secret. It is shown this once; only its SHA-256 is stored. @throws ForgeError CONFLICT at the limit */
  create(actor: Actor, kind: PersonalKind, name: string): Promise<{ token: string; view: TokenView }>
  /** The actor's own, newest first, revoked ones included. */
  list(actor: Actor, kind: PersonalKind): Promise<TokenView[]>
  /** Idempotent. @throws ForgeError NOT_FOUND */
  revoke(actor: Actor, kind: PersonalKind, id: string): Promise<TokenView>
  /** Whom a token of this kind names. @throws ForgeError UNAUTHENTICATED when it names nobody or was revoked */
  resolve(kind: 'api_key' | 'node_token', token: string): Promise<{ owner: OwnerRow; tokenId: string }>
  /** Whether a resolved token still holds. */
  holds(tokenId: string): Promise<boolean>
  /** The house agent's token: the given one if it still names the house, else a new one. */
  house(house: OwnerRow, kept: string | undefined): Promise<string>
}

export type PersonalKind = 'api_key' | 'node_token'

/** A house token is a node token that belongs to nobody. */
const PREFIX: Readonly<Record<TokenKind, string>> = { api_key: 'fpak_', node_token: 'fpnt_', house: 'fpnt_' }
const PREFIX_CHARS = 9
const ACTIONS = { api_key: 'keys.manage', node_token: 'node_tokens.manage' } as const satisfies Readonly<
  Record<PersonalKind, Action>
>
const NAMES: Readonly<Record<PersonalKind, string>> = { api_key: 'API key', node_token: 'node token' }
/** `last_used_at` is written at most so often. */
const USED_EVERY_MS = 60_000
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The prefix and 32 random bytes in base64url (43 characters). */
function newToken(kind: TokenKind): string {
  return PREFIX[kind] + randomBytes(32).toString('base64url')
}

export interface TokenServicePorts {
  readonly store: TokenStore
  /** A node token was revoked: whoever came in by it must go. */
  readonly revoked: (tokenId: string) => void
  /** The time of day, milliseconds since 1970. */
  readonly now_ms?: () => number
}

export function createTokenService({ store, revoked, now_ms = Date.now }: TokenServicePorts): TokenService {
  const issue = async (
    ownerId: string,
    kind: TokenKind,
    name: string,
  ): Promise<{ token: string; row: TokenRow }> => {
    const token = newToken(kind)
    const prefix = token.slice(0, PREFIX_CHARS)
    return { token, row: await store.add({ hash: sha256Hex(token), owner_id: ownerId, kind, name, prefix }) }
  }

  return {
    async create(actor, kind, name) {
      const { ownerId } = authoriseOwner(actor, ACTIONS[kind])
      const valid = (await store.list(ownerId, kind)).filter(({ revoked_at }) => revoked_at === null)
      if (valid.length >= CORE_LIMITS.tokens_per_owner) {
        throw new ForgeError(
          'CONFLICT',
          `an account has at most ${CORE_LIMITS.tokens_per_owner} ${NAMES[kind]}s`,
          { hint: 'Revoke one that is not used any more.' },
        )
      }
      const { token, row } = await issue(ownerId, kind, name)
      return { token, view: tokenView(row) }
    },

    async list(actor, kind) {
      const { ownerId } = authoriseOwner(actor, ACTIONS[kind])
      return (await store.list(ownerId, kind)).map(tokenView)
    },

    async revoke(actor, kind, id) {
      authorise(actor, ACTIONS[kind])
      const row = UUID.test(id) ? await store.get(id) : undefined
      authorise(actor, ACTIONS[kind], row?.kind === kind ? { ownerId: row.owner_id } : MISSING)
      await store.revoke(id)
      if (kind === 'node_token') revoked(id)
      const ended = await store.get(id)
      invariant(ended !== undefined, `token ${id} vanished`)
      return tokenView(ended)
    },

    async resolve(kind, token) {
      const found = await store.find(sha256Hex(token))
      const fits =
        found !== undefined &&
        (found.token.kind === kind || (kind === 'node_token' && found.token.kind === 'house'))
      if (!fits) {
        throw new ForgeError('UNAUTHENTICATED', `this ${NAMES[kind]} names nobody`, {
          hint: `Create ${kind === 'api_key' ? 'an API key' : 'a node token'} on your account page.`,
        })
      }
      if (found.token.revoked_at !== null) {
        throw new ForgeError('UNAUTHENTICATED', `this ${NAMES[kind]} was revoked`, {
          hint: 'Create another on your account page.',
        })
      }
      const { id, last_used_at } = found.token
      if (last_used_at === null || now_ms() - last_used_at.getTime() >= USED_EVERY_MS)
        await store.used(id, new Date(now_ms()))
      return { owner: found.owner, tokenId: id }
    },

    async holds(tokenId) {
      return (await store.get(tokenId))?.revoked_at === null
    },

    async house(house, kept) {
      const known = kept === undefined ? undefined : await store.find(sha256Hex(kept))
      if (kept !== undefined && known?.token.kind === 'house' && known.token.revoked_at === null) return kept
      return (await issue(house.id, 'house', 'house agent')).token
    },
  }
}

function tokenView({ id, name, prefix, created_at, last_used_at, revoked_at }: TokenRow): TokenView {
  return {
    id,
    name,
    prefix,
    created_at: created_at.toISOString(),
    last_used_at: last_used_at?.toISOString() ?? null,
    revoked_at: revoked_at?.toISOString() ?? null,
  }
}
