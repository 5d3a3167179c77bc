import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toBase64 } from '../../kernel/base64.ts'
import { isSuccessionSigned } from '../../kernel/succession.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { startChild } from '../memory/testing/child.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { openHubKey, rotateHubKey } from './hub-key.ts'
import { openSigningKey, verifySignature } from './signing-keys.ts'

let database: TestDatabase
let folder: string
let file: string
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.pool.query('DELETE FROM hub_keys')
  await database.pool.query('DELETE FROM hub_successions')
  folder = await mkdtemp(path.join(tmpdir(), 'forge-keys-'))
  file = path.join(folder, 'hub.pem')
  return () => rm(folder, { recursive: true })
})

const keys = async () =>
  (await createRecordStore(database).hubKeys()).map(({ public_key, retired_at }) => [
    toBase64(public_key),
    retired_at === null,
  ])

describe("the hub's key", () => {
  it('is replaced while a server runs, which signs with the new one next', async () => {
    const records = createRecordStore(database)
    const server = openHubKey(file, records)
    const old = await server.current()
    const { retired, current } = await rotateHubKey(file, records)
    expect(retired).toEqual(old.publicKey)
    const [handover] = await records.successions()
    expect(handover).toMatchObject({ from: old.publicKey, to: current })
    expect(handover !== undefined && (await isSuccessionSigned(handover, verifySignature))).toBe(true)
    expect(await keys()).toEqual([
      [toBase64(old.publicKey), false],
      [toBase64(current), true],
    ])
    const now = await server.current()
    expect(now.publicKey).toEqual(current)
    const message = Uint8Array.of(1, 2, 3)
    expect(await verifySignature(current, message, await now.sign(message))).toBe(true)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['hub.pem'])
  })

  it('is finished being replaced when that was cut off between file and database', async () => {
    const records = createRecordStore(database)
    const old = await openHubKey(file, records).current()
    await rm(file)
    const pending = await openSigningKey(file)
    expect((await rotateHubKey(file, records)).current).toEqual(pending.publicKey)
    expect(await keys()).toEqual([
      [toBase64(old.publicKey), false],
      [toBase64(pending.publicKey), true],
    ])
    await writeFile(`${file}.next`, 'half of a key')
    await rotateHubKey(file, records)
    expect(await keys()).toHaveLength(3)
    expect(await readdir(folder)).toEqual(['hub.pem'])
  })

  it('is whole after kill -9 at any moment, and one key signs', async () => {
    const records = createRecordStore(database)
    await openHubKey(file, records).current()
    for (let round = 0; round < 3; round++) {
      const child = startChild(new URL('./testing/rotate-until-killed.ts', import.meta.url), [
        database.url,
        file,
      ])
      for (let line = 0; line <= 2 * round; line++) await child.line()
      await child.kill()
      expect(await readFile(file, 'utf8')).toMatch(
        /^-----BEGIN PRIVATE KEY-----\n[\s\S]+-----END PRIVATE KEY-----\n$/,
      )
      const { publicKey } = await openHubKey(file, records).current()
      expect((await keys()).filter(([, signs]) => signs)).toEqual([[toBase64(publicKey), true]])
    }
  })
})
