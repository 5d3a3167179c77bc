import { createPrivateKey, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { openSigningKey, verifySignature } from './signing-keys.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'forge-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a signing key', () => {
  it('signs what the key in its file signs, to the byte, by whichever library', async () => {
    const file = path.join(folder, 'hub.pem')
    const key = await openSigningKey(file)
    const own = createPrivateKey(readFileSync(file))
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (message) => {
        const signature = await key.sign(message)
        expect(signature).toEqual(new Uint8Array(sign(null, message, own)))
        expect(await verifySignature(key.publicKey, message, signature)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('is made once, and only its user may read it', async () => {
    const file = path.join(folder, 'log.pem')
    const first = await openSigningKey(file)
    expect((await openSigningKey(file)).publicKey).toEqual(first.publicKey)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('is refused where its file holds something else, of which nothing is said', async () => {
    const file = path.join(folder, 'other.pem')
    writeFileSync(file, 'a secret of somebody')
    await expect(openSigningKey(file)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(openSigningKey(file)).rejects.not.toThrow('a secret')
  })
})
