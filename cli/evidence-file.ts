import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { ForgeError } from '../kernel/errors.ts'
import { CLI_LIMITS } from './limits.ts'

const PART_BYTES = 1024 * 1024

/**
 * An evidence file in parts of whole characters. A part is overwritten by the next.
 * @throws ForgeError NOT_FOUND, TOO_LARGE, MESSAGE_INVALID
 */
export async function* evidenceFile(file: string): AsyncGenerator<Uint8Array> {
  const limit = CLI_LIMITS.evidence_bytes
  const handle = await open(file, 'r').catch(unreadable)
  try {
    const { size } = await handle.stat().catch(unreadable)
    if (size > limit)
      throw new ForgeError('TOO_LARGE', `${file} has ${size} bytes; at most ${limit} are read`, {
        hint: 'Evidence without its digests is smaller: ask for it with ?digests=no.',
      })
    const buffer = Buffer.allocUnsafe(PART_BYTES)
    /** Bytes of a character whose end has not been read. */
    let carried = 0
    for (let total = 0; ; ) {
      const { bytesRead } = await handle.read(buffer, carried, PART_BYTES - carried, null).catch(unreadable)
      total += bytesRead
      if (total > limit) throw new ForgeError('TOO_LARGE', `${file} grew while it was read`)
      const end = carried + bytesRead
      const whole = bytesRead === 0 ? end : wholeCharacters(buffer, end)
      const part = buffer.subarray(0, whole)
      if (!isUtf8(part)) throw new ForgeError('MESSAGE_INVALID', `${file} is not UTF-8`)
      yield part
      if (bytesRead === 0) return
      carried = end - whole
      buffer.copyWithin(0, whole, end)
    }
  } finally {
    await handle.close()
  }
}

/** Where the last character begins when its end is missing, else `end`. */
function wholeCharacters(buffer: Buffer, end: number): number {
  for (let at = end - 1; at >= 0 && at >= end - 3; at--) {
    const byte = buffer[at] as number
    // A byte in the middle of a character: its first one stands before.
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return at + length > end ? at : end
  }
  return end
}

function unreadable(error: unknown): never {
  throw new ForgeError('NOT_FOUND', error instanceof Error ? error.message : String(error))
}
