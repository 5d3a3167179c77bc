import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { bytesEqual } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import type { TileStore } from './ports.ts'

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
  return {
    get: read,
    async put(name, bytes) {
      invariant(NAME.test(name), `${name} is a file of the ledger`)
      const there = await read(name)
      if (there !== undefined) {
        if (bytesEqual(there, bytes)) return
        throw new ForgeError('CONFLICT', `the ledger has published other bytes as ${name}`, {
          hint: 'The database is older than the files of the ledger, or the other way round: restore both from one backup.',
        })
      }
      const place = path.join(folder, name)
      await mkdir(path.dirname(place), { recursive: true })
      const draft = `${place}.${randomBytes(8).toString('hex')}.new`
      try {
        const file = await open(draft, 'wx')
        try {
          await file.writeFile(bytes)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(draft, place)
      } catch (error) {
        await rm(draft, { force: true })
        throw error
      }
      for (let at = path.dirname(place); ; at = path.dirname(at)) {
        const parent = await open(at, 'r')
        await parent.sync().finally(() => parent.close())
        if (at === folder || at === path.dirname(at)) break
      }
    },
  }
}
