import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'
import { base64Key } from '../../kernel/evidence/field-schemas.ts'
import type { HubPins } from '../hub-trust.ts'

const pinsSchema = z.record(z.string().max(300), base64Key)

/**
 * Keys of hubs in a JSON file beside the agent's own key: `{"https://pool.example": "…"}`. Losing it loses the memory of
 * which hub was met, no secret.
 */
export function filePins(file: string): HubPins {
  const read = async (): Promise<Record<string, string>> => {
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
      throw error
    }
    try {
      return pinsSchema.parse(JSON.parse(text))
    } catch (cause) {
      throw new ForgeError('INTERNAL', `${file} does not hold the keys of hubs`, {
        hint: 'Remove it to meet every hub anew.',
        cause,
      })
    }
  }
  return {
    load: async (origin) => (await read())[origin],
    async keep(origin, key) {
      const text = JSON.stringify({ ...(await read()), [origin]: key }, null, 2)
      // In place at once, so that a crash leaves the old file or the new one.
      await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 })
      await rename(`${file}.new`, file)
    },
  }
}
