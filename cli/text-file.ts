import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { ForgeError } from '../kernel/errors.ts'

/**
 * A UTF-8 file as text, exactly: a byte order mark stays and is rejected by whoever parses it.
 * @throws ForgeError NOT_FOUND, TOO_LARGE, MESSAGE_INVALID
 */
export async function readTextFile(file: string, limit_bytes: number): Promise<string> {
  let bytes: Buffer
  try {
    const handle = await open(file, 'r')
    try {
      const { size } = await handle.stat()
      if (size > limit_bytes)
        throw new ForgeError('TOO_LARGE', `${file} has ${size} bytes; at most ${limit_bytes} are read`, {
          hint: 'Evidence without its digests is smaller: ask for it with ?digests=no.',
        })
      bytes = await handle.readFile()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof ForgeError) throw error
    throw new ForgeError('NOT_FOUND', error instanceof Error ? error.message : String(error))
  }
  if (bytes.length > limit_bytes) throw new ForgeError('TOO_LARGE', `${file} grew while it was read`)
  if (!isUtf8(bytes)) throw new ForgeError('MESSAGE_INVALID', `${file} is not UTF-8`)
  return bytes.toString('utf8')
}
