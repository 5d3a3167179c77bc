import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifySignature } from '../kernel/evidence/sample.test-support.ts'
import { isSuccessionSigned } from '../kernel/succession.ts'
import { fileKeyStore } from './headless/identity-file.ts'
import { openIdentity } from './identity.ts'
import { beginRotation, pendingRotation } from './key-rotation.ts'

describe('a change of the key in a file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'forge-rotation-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is signed by both keys, survives a restart, and ends with the new key in place', async () => {
    const file = path.join(folder, 'agent.key')
    const old = await openIdentity(fileKeyStore(file))
    expect(await pendingRotation(fileKeyStore(file))).toBeUndefined()
    const id = await beginRotation(fileKeyStore(file))
    // Asked for twice, or after a crash, it is the same new key.
    expect(await beginRotation(fileKeyStore(file))).toBe(id)
    const pending = await pendingRotation(fileKeyStore(file))
    if (pending === undefined) throw new Error('a rotation is under way')
    const { identity, succeeds } = pending
    expect(identity.keyId).toBe(id)
    const statement = {
      from: succeeds.public_key,
      to: identity.publicKey,
      from_signature: succeeds.signature,
      to_signature: succeeds.own_signature,
    }
    expect(succeeds.public_key).toEqual(old.publicKey)
    expect(await isSuccessionSigned(statement, verifySignature)).toBe(true)
    // Until the hub has heard of it the old key is the kept one.
    expect((await openIdentity(fileKeyStore(file))).keyId).toBe(old.keyId)
    const before = await readFile(file, 'utf8')
    await pending.finish()
    expect((await openIdentity(fileKeyStore(file))).keyId).toBe(id)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(`${file}.old`, 'utf8')).toBe(before)
    expect((await stat(`${file}.old`)).mode & 0o777).toBe(0o600)
    expect(await pendingRotation(fileKeyStore(file))).toBeUndefined()
  })

  it('begins with nothing where there is no key', async () => {
    expect(await beginRotation(fileKeyStore(path.join(folder, 'none.key')))).toBeUndefined()
  })
})
