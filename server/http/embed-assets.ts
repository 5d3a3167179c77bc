import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'

export interface EmbedFile {
  readonly type: string
  readonly bytes: Buffer
  readonly gzipped: Buffer
}

/** The built files of the embed (scripts/build-embed.mjs): few, small, and kept in memory. */
export interface EmbedAssets {
  /** `/embed/v1.js`. */
  readonly loader: EmbedFile
  /** Digest of all others together: it stands in their path, so that a frame never runs parts of two builds. */
  readonly version: string
  readonly files: ReadonlyMap<string, EmbedFile>
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/** @returns undefined where the embed is not built */
export async function loadEmbedAssets(folder: string): Promise<EmbedAssets | undefined> {
  try {
    const names = (await readdir(path.join(folder, 'v1')))
      .filter((name) => path.extname(name) in TYPES)
      .sort()
    const hash = createHash('sha256')
    const files = new Map<string, EmbedFile>()
    for (const name of names) {
      const bytes = await readFile(path.join(folder, 'v1', name))
      hash.update(`${name}\0${bytes.length}\0`).update(bytes)
      files.set(name, fileOf(name, bytes))
    }
    const loader = fileOf('v1.js', await readFile(path.join(folder, 'v1.js')))
    return { loader, version: hash.digest('hex').slice(0, 16), files }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function fileOf(name: string, bytes: Buffer): EmbedFile {
  return { type: TYPES[path.extname(name)] ?? '', bytes, gzipped: gzipSync(bytes, { level: 9 }) }
}
