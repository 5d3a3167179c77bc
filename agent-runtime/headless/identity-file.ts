import { chmod, copyFile, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { bytesToHex, hexToBytes } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { generateSeed, type KeyStore } from '../identity.ts'

/** Others on the machine may not read it. */
const MODE = 0o600
const MAX_FILE_BYTES = 4096

/**
 * Keeps the 32 secret bytes of an Ed25519 key as 64 hexadecimal digits in a file that only its owner may read. Node's
 * WebCrypto could not write a non-extractable key to disk.
 */
export function fileKeyStore(file: string): KeyStore {
  const nextFile = `${file}.next`
  const next = singleKey(nextFile)
  return {
    ...singleKey(file),
    next: {
      load: next.load,
      keep: next.keep,
      async promote() {
        // The old one may still be known to another hub. In this order there is a key at every instant.
        await copyFile(file, `${file}.old`)
        await chmod(`${file}.old`, MODE)
        await rename(nextFile, file)
      },
    },
  }
}

function singleKey(file: string): KeyStore {
  return {
    generate: async () => generateSeed(),
    note: () => undefined,
    async load() {
      let text: string
      try {
        const { mode, size } = await stat(file)
        if (size > MAX_FILE_BYTES) throw unusable(file, 'is too large')
        if (process.platform !== 'win32' && (mode & 0o077) !== 0)
          throw unusable(file, 'may be read by others')
        text = await readFile(file, 'utf8')
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
      const digits = text.trim()
      if (!/^[0-9a-f]{64}$/.test(digits)) throw unusable(file, 'does not hold a key')
      return { kind: 'seed', seed: hexToBytes(digits) }
    },
    async keep(key) {
      if (key.kind !== 'seed') throw new ForgeError('INTERNAL', 'only a seed can be written to a file')
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
      try {
        // `wx`: of two agents that start at once, the first one's key stays.
        const handle = await open(file, 'wx', MODE)
        try {
          await handle.writeFile(`${bytesToHex(key.seed)}\n`)
          await handle.sync()
        } finally {
          await handle.close()
        }
        return key
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
        const present = await this.load()
        if (present === undefined) throw unusable(file, 'vanished')
        return present
      }
    },
  }
}

function unusable(file: string, what: string): ForgeError {
  return new ForgeError('INTERNAL', `the key file ${file} ${what}`, {
    hint: 'Run chmod 600 on it, or name another one with --key-file.',
  })
}
