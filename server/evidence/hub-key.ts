import { generateKeyPairSync, sign } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { bytesEqual } from '../../kernel/digest.ts'
import { successionBytes } from '../../kernel/succession.ts'
import type { RecordStore } from '../memory/ports/records.ts'
import { openSigningKey, type SigningKey } from './signing-keys.ts'

/**
 * The key that signs records. It may be replaced while servers run: the file is looked at before every batch of records, so
 * each server signs with the new key from its next record on, and needs no signal.
 */
export interface HubKey {
  /** The key of the file as it is now; known to the database, so that evidence can name it, before it is returned. */
  current(): Promise<SigningKey>
}

type KnownKeys = Pick<RecordStore, 'signWithHubKey' | 'hubKeys'>
type Handovers = Pick<RecordStore, 'handOver'>

export function hubKeyFile(dataDir: string): string {
  return path.join(dataDir, 'keys', 'hub.pem')
}

export function openHubKey(file: string, records: KnownKeys): HubKey {
  let known: { readonly key: SigningKey; readonly version: string } | undefined
  return {
    async current() {
      const before = await versionOf(file)
      if (known !== undefined && known.version === before) return known.key
      const key = await openSigningKey(file)
      await records.signWithHubKey(key.publicKey)
      // A file that was exchanged in between is read again the next time.
      known = { key, version: before ?? (await versionOf(file)) ?? '' }
      return key
    },
  }
}

/** What tells one file under this name from another; undefined when there is none. */
async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs } = await stat(file)
    return `${ino} ${mtimeMs}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Replaces the hub's key: the old one stays known with the time until which it signed, and its private half is gone. The
 * file is exchanged in one step, so that after a crash at any instant there is the old key or the new one, whole; a
 * rotation that was cut off between file and database is finished, and not begun anew. Before the exchange the old key signs
 * that the new one is its heir, and the new one that it is: agents that know the old key follow.
 * @returns both public keys
 */
export async function rotateHubKey(
  file: string,
  records: KnownKeys & Handovers,
): Promise<{ readonly retired: Uint8Array | undefined; readonly current: Uint8Array }> {
  const before = (await records.hubKeys()).findLast(({ retired_at }) => retired_at === null)?.public_key
  const present = await openSigningKey(file)
  const isPending = before !== undefined && !bytesEqual(before, present.publicKey)
  if (!isPending && before !== undefined) await replaceFile(file, present, records)
  const { publicKey } = await openHubKey(file, records).current()
  return { retired: before, current: publicKey }
}

/** A new key, durable under a name of its own, and its heritage in the database, before it takes the old one's name. */
async function replaceFile(file: string, present: SigningKey, records: Handovers): Promise<void> {
  const next = `${file}.next`
  await rm(next, { force: true })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const from = present.publicKey
  const to = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32))
  const bytes = successionBytes({ from, to })
  const handle = await open(next, 'wx', 0o600)
  try {
    await handle.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await records.handOver({
    from,
    to,
    from_signature: await present.sign(bytes),
    to_signature: new Uint8Array(sign(null, bytes, privateKey)),
  })
  await rename(next, file)
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
