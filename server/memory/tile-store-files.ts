import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { bytesEqual } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import type { TileStore } from './ports/records.ts'

/** Names that a ledger has: `tile/0/x001/234.p/12`, `tile/entries/000`. */
const NAME = /^tile\/(?:[0-9]|[1-5][0-9]|6[0-3]|entries)(?:\/x[0-9]{3})*\/[0-9]{3}(?:\.p\/[1-9][0-9]{0,2})?$/

/**
 * Files of the ledger below a folder, under the names that it serves. A file is written beside its place, flushed and
 * renamed: under its name there is the whole of it or nothing.
 * @param folder absolute; made when missing
 */
export function openTileStore(folder: string): TileStore {
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    if (!NAME.test(name)) return undefined
    try {
      return new Uint8Array(await readFile(path.join(folder, name)))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A tile that was partial and is full now is a file where a folder would be, or the other way round.
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
      throw error
    }
  }
  /** Under its name afterwards; the name itself is durable once its folder has been flushed. */
  const place = async (name: string, bytes: Uint8Array): Promise<void> => {
    invariant(NAME.test(name), `${name} is a file of the ledger`)
    const there = await read(name)
    if (there !== undefined) {
      if (bytesEqual(there, bytes)) return
      throw new ForgeError('CONFLICT', `the ledger has published other bytes as ${name}`, {
        hint: 'The database is older than the files of the ledger, or the other way round: restore both from one backup.',
      })
    }
    const file = path.join(folder, name)
    await mkdir(path.dirname(file), { recursive: true })
    const draft = `${file}.${randomBytes(8).toString('hex')}.new`
    try {
      const handle = await open(draft, 'wx')
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(draft, file)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }
  return {
    get: read,
    async put(files) {
      const outcomes = await Promise.allSettled([...files].map(([name, bytes]) => place(name, bytes)))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      // Files that were there already may be left from a process that was killed before it came here.
      await Promise.all([...foldersOf([...files.keys()])].map((name) => flush(path.join(folder, name))))
    },
  }
}

/** The folders of files, and those above them: `tile/0`, `tile`, and the empty name. */
function foldersOf(names: readonly string[]): ReadonlySet<string> {
  const folders = new Set<string>()
  for (const name of names) {
    const parts = name.split('/')
    for (let length = parts.length - 1; length >= 0; length--) folders.add(parts.slice(0, length).join('/'))
  }
  return folders
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}
