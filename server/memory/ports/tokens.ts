import type { HexDigest } from '../../../kernel/digest.ts'
import type { OwnerRow } from './owners.ts'

export type TokenKind = 'api_key' | 'node_token' | 'house'

export interface TokenRow {
  readonly id: string
  readonly owner_id: string
  readonly kind: TokenKind
  readonly name: string
  /** The first nine characters. */
  readonly prefix: string
  readonly created_at: Date
  /** To the minute; null when it has never been used. */
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

/** Secrets that name an owner. Only their SHA-256 is stored. */
export interface TokenStore {
  add(token: {
    readonly hash: HexDigest
    readonly owner_id: string
    readonly kind: TokenKind
    readonly name: string
    readonly prefix: string
  }): Promise<TokenRow>
  /** A revoked token is found as well: its holder is to be told that it was revoked. */
  find(hash: HexDigest): Promise<{ readonly token: TokenRow; readonly owner: OwnerRow } | undefined>
  used(id: string, at: Date): Promise<void>
  /** Newest first, revoked ones included. */
  list(ownerId: string, kind: TokenKind): Promise<readonly TokenRow[]>
  get(id: string): Promise<TokenRow | undefined>
  /** @returns false when it was revoked before */
  revoke(id: string): Promise<boolean>
}
