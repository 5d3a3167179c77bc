import { getPublicKeyAsync, signAsync, utils } from '@noble/ed25519'
import { type ClaimChallenge, type ClaimProof, claimBytes } from '../kernel/claim.ts'
import { bytesToHex, type HexDigest, sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { type Receipt, receiptBytes } from '../kernel/receipt.ts'

/** The agent's Ed25519 key (RFC 8032). Its public part is all that the network knows of an agent. */
export interface Identity {
  /** 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  /** SHA-256 of the public key: the agent's id. */
  readonly keyId: HexDigest
  /** What the owner should know about how the key is kept; undefined when there is nothing to say. */
  readonly note: string | undefined
  /** @returns 64 bytes */
  sign(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
}

/** A kept key: WebCrypto's own, which no script can read, or 32 secret bytes where the host has no Ed25519. */
export type StoredKey =
  | { readonly kind: 'webcrypto'; readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }
  | { readonly kind: 'seed'; readonly seed: Uint8Array }

/** Where a key is kept between visits. */
export interface KeyStore {
  load(): Promise<StoredKey | undefined>
  /** A new key of a kind that this store can keep. */
  generate(): Promise<StoredKey>
  /** What the owner should know about how `key` is kept here. */
  note(key: StoredKey): string | undefined
  /** Keeps `key` unless another one came first. @returns the key that is kept now */
  keep(key: StoredKey): Promise<StoredKey>
  /** A second place, for the key that is to take over: key-rotation.ts. Absent where there is none. */
  readonly next?: NextKey
}

export interface NextKey extends Pick<KeyStore, 'load' | 'keep'> {
  /** Puts the next key in the place of the kept one, which is then no longer used. */
  promote(): Promise<void>
}

const ALGORITHM = 'Ed25519'

/** The kept identity, or a new one that is kept from now on. */
export async function openIdentity(store: KeyStore): Promise<Identity> {
  const kept = (await store.load()) ?? (await store.keep(await store.generate()))
  return identityOf(kept, store.note(kept))
}

/** The kept identity; undefined when none is kept here. */
export async function keptIdentity(store: KeyStore): Promise<Identity | undefined> {
  const kept = await store.load()
  return kept === undefined ? undefined : identityOf(kept, store.note(kept))
}

export function generateSeed(): StoredKey {
  return { kind: 'seed', seed: utils.randomSecretKey() }
}

/** @returns a non-extractable WebCrypto key where the host has Ed25519, else a seed */
export async function generateKey(): Promise<StoredKey> {
  try {
    const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])
    if ('privateKey' in pair)
      return { kind: 'webcrypto', privateKey: pair.privateKey, publicKey: pair.publicKey }
  } catch (error) {
    // NotSupportedError is the platform's word for an unknown algorithm; anything else is a fault.
    if (!(error instanceof DOMException) || error.name !== 'NotSupportedError') throw error
  }
  return generateSeed()
}

export async function identityOf(key: StoredKey, note?: string): Promise<Identity> {
  if (key.kind === 'seed') {
    const publicKey = await getPublicKeyAsync(key.seed)
    return makeIdentity(publicKey, note, async (bytes) => new Uint8Array(await signAsync(bytes, key.seed)))
  }
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', key.publicKey))
  return makeIdentity(publicKey, note, async (bytes) => {
    const signature = await crypto.subtle.sign(ALGORITHM, key.privateKey, new Uint8Array(bytes))
    return new Uint8Array(signature)
  })
}

function makeIdentity(publicKey: Uint8Array, note: string | undefined, sign: Identity['sign']): Identity {
  if (publicKey.length !== 32) throw new ForgeError('INTERNAL', 'an Ed25519 public key has 32 bytes')
  return { publicKey: new Uint8Array(publicKey), keyId: sha256Hex(publicKey), note, sign }
}

/** @returns 64 bytes over `receiptBytes(receipt)` */
export function signReceipt(identity: Identity, receipt: Receipt): Promise<Uint8Array<ArrayBuffer>> {
  return identity.sign(receiptBytes(receipt))
}

/** Answers an account's challenge: whoever holds this key wants its work to be that account's. */
export async function signClaim(identity: Identity, challenge: ClaimChallenge): Promise<ClaimProof> {
  return {
    public_key: bytesToHex(identity.publicKey),
    nonce: challenge.nonce,
    signature: bytesToHex(await identity.sign(claimBytes(challenge))),
  }
}
