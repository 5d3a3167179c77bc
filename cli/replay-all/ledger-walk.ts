import { canonicalJson, parseJsonStrict } from '../../kernel/canonical.ts'
import { bytesEqual } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { ledgerLeafSchema } from '../../kernel/evidence/leaf.ts'
import { type Checkpoint, parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import {
  type NoteKey,
  parseSignedNote,
  type VerifySignature,
  verifyNote,
} from '../../kernel/ledger/signed-note.ts'
import { entriesPath, TILE_WIDTH, unpackEntries } from '../../kernel/ledger/tiles.ts'
import { MerkleRoot } from '../../kernel/merkle.ts'
import { CLI_LIMITS } from '../limits.ts'
import type { HubReader } from './hub-reader.ts'

/** What the ledger says, once all of its entries have been hashed into a root that the log has signed. */
export interface WalkedLedger {
  readonly checkpoint: Checkpoint
  /** Verbatim. */
  readonly note: string
  /** Digest of the envelope of each entry that is a record, by its index. */
  readonly records: ReadonlyMap<number, string>
  /** Indices of corrections by the index of the record that they correct. */
  readonly corrections: ReadonlyMap<number, readonly number[]>
}

/** The newest signed head. @throws ForgeError DIGEST_MISMATCH when the log has not signed it */
export async function readHead(
  note: string,
  key: NoteKey,
  verifySignature: VerifySignature,
): Promise<Checkpoint> {
  const signed = parseSignedNote(note)
  const checkpoint = parseCheckpoint(signed.text)
  if (checkpoint.origin !== key.name)
    throw wrong(`the checkpoint is of ${checkpoint.origin}, not of ${key.name}`)
  if ((await verifyNote(signed, key, verifySignature)).state !== 'valid')
    throw wrong(`${key.name} has not signed the checkpoint`)
  return checkpoint
}

/**
 * Fetches every entry, and hashes them: the root must be that of the head, and on the way, at the sizes of the checkpoints
 * kept from before, theirs.
 * @param first records and corrections of records before it are hashed and forgotten
 * @throws ForgeError DIGEST_MISMATCH when the ledger is not what was signed; as HubReader does
 */
export async function walkLedger(
  hub: HubReader,
  { note, checkpoint }: { readonly note: string; readonly checkpoint: Checkpoint },
  past: readonly Checkpoint[],
  first: number,
): Promise<WalkedLedger> {
  const { size, origin } = checkpoint
  if (size > CLI_LIMITS.ledger_entries)
    throw new ForgeError(
      'TOO_LARGE',
      `the ledger has ${size} entries; ${CLI_LIMITS.ledger_entries} are walked`,
    )
  for (const old of past) {
    if (old.origin !== origin) throw wrong(`the checkpoint kept from before is of another log, ${old.origin}`)
    if (old.size > size) throw wrong(`the ledger had ${old.size} entries before and has ${size} now`)
    if (old.size === 0 && !bytesEqual(old.root, new MerkleRoot().root()))
      throw wrong('the checkpoint kept from before has a root without entries')
  }
  const tree = new MerkleRoot()
  const records = new Map<number, string>()
  const corrections = new Map<number, number[]>()
  let at = 0
  for await (const entries of bundles(hub, size)) {
    for (const entry of entries) {
      tree.append(entry)
      const leaf = leafOf(entry, at)
      if (leaf.kind === 'record') {
        if (at >= first) records.set(at, leaf.envelope)
      } else if (leaf.of >= at) throw wrong(`entry ${at} corrects entry ${leaf.of}, which is not before it`)
      else if (leaf.of >= first) corrections.set(leaf.of, [...(corrections.get(leaf.of) ?? []), at])
      at++
      for (const old of past)
        if (old.size === at && !bytesEqual(old.root, tree.root()))
          throw wrong(`its first ${at} entries are others than when the checkpoint was kept`)
    }
  }
  if (!bytesEqual(tree.root(), checkpoint.root)) throw wrong('its entries do not hash to the signed root')
  return { checkpoint, note, records, corrections }
}

/** Bundles of entries in order, some asked for ahead. */
async function* bundles(hub: HubReader, size: number): AsyncGenerator<readonly Uint8Array[]> {
  const count = Math.ceil(size / TILE_WIDTH)
  const asked: Promise<readonly Uint8Array[]>[] = []
  const ask = (index: number): void => {
    const bundle = readBundle(hub, index, Math.min(TILE_WIDTH, size - index * TILE_WIDTH))
    // Heard below, in its turn.
    bundle.catch(() => {})
    asked.push(bundle)
  }
  for (let index = 0; index < Math.min(count, CLI_LIMITS.ledger_requests); index++) ask(index)
  for (let index = 0; index < count; index++) {
    yield await (asked.shift() as Promise<readonly Uint8Array[]>)
    const next = index + CLI_LIMITS.ledger_requests
    if (next < count) ask(next)
  }
}

async function readBundle(hub: HubReader, index: number, width: number): Promise<readonly Uint8Array[]> {
  const path = `/log/${entriesPath(index, width)}`
  const entries = unpackEntries(await hub.bytes(path, CLI_LIMITS.entries_bytes))
  if (entries?.length !== width) throw wrong(`${path} does not hold ${width} entries`)
  return entries
}

function leafOf(entry: Uint8Array, at: number) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(entry)
    const value = parseJsonStrict(text)
    const leaf = ledgerLeafSchema.parse(value)
    if (canonicalJson(value) === text) return leaf
  } catch {
    // Said below.
  }
  throw wrong(`entry ${at} is neither a record nor a correction`)
}

function wrong(what: string): ForgeError {
  return new ForgeError('DIGEST_MISMATCH', what)
}
