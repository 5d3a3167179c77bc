import type { HexDigest } from '../kernel/digest.ts'
import type { EnrolInput } from '../kernel/protocol.ts'
import { successionBytes } from '../kernel/succession.ts'
import { type Identity, identityOf, type KeyStore, keptIdentity } from './identity.ts'

/**
 * How an agent changes its key. A new key is kept beside the old one first; the hub is told, with the word of both, at the
 * next enrolment; only then the new key takes the old one's place here. Cut off anywhere, the next start goes on with it.
 */
export interface PendingRotation {
  /** The new key. */
  readonly identity: Identity
  readonly succeeds: NonNullable<EnrolInput['succeeds']>
  /** The hub knows the new key: it becomes the kept one. */
  finish(): Promise<void>
}

/**
 * Makes a new key, or takes the one of a rotation that was begun before.
 * @returns its id; undefined when there is no old key, or nowhere to keep a second one: nothing is made then
 */
export async function beginRotation(store: KeyStore): Promise<HexDigest | undefined> {
  const { next } = store
  if (next === undefined || (await store.load()) === undefined) return undefined
  const key = (await next.load()) ?? (await next.keep(await store.generate()))
  return (await identityOf(key)).keyId
}

/** The rotation that is under way, if any. */
export async function pendingRotation(store: KeyStore): Promise<PendingRotation | undefined> {
  const { next } = store
  const key = await next?.load()
  const old = await keptIdentity(store)
  if (next === undefined || key === undefined || old === undefined) return undefined
  const identity = await identityOf(key, store.note(key))
  const statement = successionBytes({ from: old.publicKey, to: identity.publicKey })
  return {
    identity,
    succeeds: {
      public_key: old.publicKey,
      signature: await old.sign(statement),
      own_signature: await identity.sign(statement),
    },
    finish: () => next.promote(),
  }
}
