import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { HexDigest } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { BlobStat, BlobStore } from './ports/blobs.ts'

/** Writes that were cut off by a crash are removed when they are older: no upload takes so long. */
const STALE_UPLOAD_MS = 24 * 3_600_000

/**
 * Blobs as files: `ab/cd/abcd…` below a folder, so that no folder grows large. A blob is written beside them, flushed,
 * and renamed into place: under its digest there is always the whole blob or nothing, also after a power cut.
 * @param folder absolute; made when missing
 */
export async function openFileBlobStore(folder: string): Promise<BlobStore> {
  const uploads = path.join(folder, 'uploads')
  await mkdir(uploads, { recursive: true })
  await removeStale(uploads)

  const place = (digest: HexDigest): string =>
    path.join(folder, digest.slice(0, 2), digest.slice(2, 4), digest)

  const find = async (digest: HexDigest): Promise<BlobStat | undefined> => {
    // Also keeps `..` and slashes out of paths.
    if (!/^[0-9a-f]{64}$/.test(digest)) return undefined
    const file = await stat(place(digest)).catch(unlessMissing)
    return file === undefined ? undefined : { digest, bytes: file.size }
  }

  const publish = async (upload: string, { digest, bytes }: BlobStat): Promise<void> => {
    const parent = path.dirname(place(digest))
    await mkdir(parent, { recursive: true })
    if ((await find(digest))?.bytes !== bytes) await rename(upload, place(digest))
    // The name is durable once every folder down to it is flushed; someone else may have put it there just now.
    for (let at = parent; at !== folder; at = path.dirname(at)) await flushFolder(at)
    await flushFolder(folder)
  }

  return {
    async put(source, options = {}) {
      const upload = path.join(uploads, `${process.pid}-${randomBytes(12).toString('hex')}`)
      try {
        const written = await writeFile(upload, source, options.maxBytes ?? LIMITS.blob_bytes)
        if (options.expected !== undefined && options.expected !== written.digest) {
          throw new ForgeError(
            'DIGEST_MISMATCH',
            `the bytes have the digest ${written.digest}, not ${options.expected}`,
            {
              hint: 'Send the bytes whose SHA-256 you named.',
            },
          )
        }
        await publish(upload, written)
        return written
      } catch (error) {
        throw diskError(error)
      } finally {
        await rm(upload, { force: true })
      }
    },

    stat: find,

    async *read(digest, range) {
      const found = await find(digest)
      if (found === undefined) {
        throw new ForgeError('NOT_FOUND', `there is no blob ${digest.slice(0, 64)}`, {
          hint: 'Upload it first.',
        })
      }
      if (range !== undefined) {
        invariant(
          Number.isInteger(range.start) && range.start >= 0 && range.end >= range.start,
          'a range of bytes',
        )
        yield* chunks(place(digest), { start: range.start, end: range.end })
        return
      }
      const hash = createHash('sha256')
      for await (const chunk of chunks(place(digest), {})) {
        hash.update(chunk)
        yield chunk
      }
      if (hash.digest('hex') !== digest) {
        throw new ForgeError('INTERNAL', `the stored blob ${digest} is damaged`, {
          hint: 'Restore it from a backup.',
        })
      }
    },

    async remove(digest) {
      if (/^[0-9a-f]{64}$/.test(digest)) await rm(place(digest), { force: true })
    },
  }
}

/** Writes and flushes a stream. @throws ForgeError TOO_LARGE */
async function writeFile(
  file: string,
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<BlobStat> {
  const hash = createHash('sha256')
  let bytes = 0
  const handle = await open(file, 'wx', 0o644)
  try {
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > maxBytes) {
        throw new ForgeError('TOO_LARGE', `the blob has more than ${maxBytes} bytes`, {
          hint: `Send at most ${maxBytes} bytes.`,
        })
      }
      hash.update(chunk)
      await writeAll(handle, chunk)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { digest: hash.digest('hex'), bytes }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
}

async function* chunks(
  file: string,
  range: { readonly start?: number; readonly end?: number },
): AsyncIterable<Uint8Array> {
  for await (const chunk of createReadStream(file, { ...range, highWaterMark: 256 * 1024 }))
    yield chunk as Buffer
}

async function flushFolder(folder: string): Promise<void> {
  // Windows cannot open folders; NTFS journals renames by itself.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeStale(uploads: string): Promise<void> {
  for (const name of await readdir(uploads)) {
    const file = path.join(uploads, name)
    const found = await stat(file).catch(unlessMissing)
    if (found !== undefined && Date.now() - found.mtimeMs > STALE_UPLOAD_MS) await rm(file, { force: true })
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function diskError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new ForgeError('UNAVAILABLE', 'the disk for blobs is full', {
    hint: 'Free space in FORGE_DATA_DIR.',
    cause: error,
  })
}
