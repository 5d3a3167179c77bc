import { bytesEqual, sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { VerifySignature } from '../../kernel/ledger/signed-note.ts'
import type { EnrolInput } from '../../kernel/protocol.ts'
import { isSuccessionSigned } from '../../kernel/succession.ts'
import type { AgentStore } from '../memory/ports/agents.ts'
import { fitsKey } from './checking/ed25519.ts'
import { requireStrictKey } from './intake.ts'

const verifySignature: VerifySignature = (publicKey, message, signature) => {
  requireStrictKey(publicKey)
  return fitsKey(publicKey, message, signature)
}

/**
 * Lets a key that enrols take over from the one that it names.
 * @returns the id of the key that is refused from now on; undefined when nothing was handed on
 * @throws ForgeError FORBIDDEN when one of the two keys has not signed, or the store refuses; MESSAGE_INVALID for no key
 */
export async function takeOver(
  { public_key, succeeds }: Pick<EnrolInput, 'public_key' | 'succeeds'>,
  site_id: string | null,
  agents: Pick<AgentStore, 'succeed'>,
): Promise<string | undefined> {
  if (succeeds === undefined) return undefined
  const { public_key: from, signature, own_signature } = succeeds
  const statement = { from, to: public_key, from_signature: signature, to_signature: own_signature }
  if (bytesEqual(from, public_key) || !(await isSuccessionSigned(statement, verifySignature)))
    throw new ForgeError('FORBIDDEN', 'the change of keys is not signed by both of them', {
      path: 'succeeds',
    })
  const old = sha256Hex(from)
  const hasSucceeded = await agents.succeed({ from: old, to: sha256Hex(public_key), public_key, site_id })
  return hasSucceeded ? old : undefined
}
