import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ForgeError } from '../kernel/errors.ts'

const BYTES = 32

/**
 * The server's own secret, kept in a file that only its user may read; made at the first start. Whoever has it can sign
 * cookies, so it is worth as much as the database.
 * @throws ForgeError UNAVAILABLE when the file holds something else
 */
export async function serverSecret(dataDir: string): Promise<string> {
  const file = path.join(dataDir, 'server.secret')
  await mkdir(dataDir, { recursive: true })
  try {
    // Fails when another start was first, which then has made it.
    await writeFile(file, `${randomBytes(BYTES).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  await chmod(file, 0o600)
  const secret = (await readFile(file, 'utf8')).trim()
  if (!/^[A-Za-z0-9_-]{43}$/.test(secret)) {
    throw new ForgeError('UNAVAILABLE', `${file} does not hold this server's secret`, {
      hint: 'Restore it, or remove it: everybody is then signed out.',
    })
  }
  return secret
}
