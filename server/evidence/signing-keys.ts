import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ForgeError } from '../../kernel/errors.ts'
import type { Sign, VerifySignature } from '../../kernel/ledger/signed-note.ts'
import { sodium } from '../sodium.ts'

/** An Ed25519 key of this deployment. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly sign: Sign
}

/**
 * A key kept in a file that only its user may read, made at the first start. Several servers of one pool share the files.
 * Whoever has it can sign in the pool's name.
 * @throws ForgeError UNAVAILABLE when the file holds something else
 */
export async function openSigningKey(file: string): Promise<SigningKey> {
  await mkdir(path.dirname(file), { recursive: true })
  try {
    const { privateKey } = generateKeyPairSync('ed25519')
    // Fails when another start was first, which then has made it.
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  await chmod(file, 0o600)
  const privateKey = parsePrivateKey(await readFile(file), file)
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    publicKey: new Uint8Array(Buffer.from(x as string, 'base64url')),
    sign: signerOf(privateKey),
  }
}

/** RFC 8032: both ways give the same signature. A busy hub signs a thousand batches of leases a second. */
function signerOf(privateKey: KeyObject): Sign {
  if (sodium === undefined) return (message) => new Uint8Array(sign(null, message, privateKey))
  const { crypto_sign_seed_keypair, crypto_sign_detached } = sodium
  const { d } = privateKey.export({ format: 'jwk' })
  const secretKey = new Uint8Array(64)
  crypto_sign_seed_keypair(new Uint8Array(32), secretKey, Buffer.from(d as string, 'base64url'))
  return (message) => {
    const signature = new Uint8Array(64)
    crypto_sign_detached(signature, message, secretKey)
    return signature
  }
}

function parsePrivateKey(pem: Buffer, file: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Said below: what is in the file must not reach a message.
  }
  throw new ForgeError('UNAVAILABLE', `${file} does not hold an Ed25519 key in PEM`, {
    hint: 'Restore it from your backup. To begin with a new key, remove the file: see docs/evidence.md on rotation.',
  })
}

/** RFC 8032, by the platform. */
export const verifySignature: VerifySignature = (publicKey, message, signature) => {
  try {
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
      format: 'jwk',
    })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}
