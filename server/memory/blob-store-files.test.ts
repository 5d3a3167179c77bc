import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFileBlobStore } from './blob-store-files.ts'
import type { BlobStore } from './ports/blobs.ts'

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function* stream(...chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('blobs on files', () => {
  let folder: string
  let store: BlobStore

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'forge-blobs-'))
    store = await openFileBlobStore(folder)
  })
  afterEach(() => rm(folder, { recursive: true }))

  const uploads = () => readdir(path.join(folder, 'uploads'))
  const fileOf = (digest: string) => path.join(folder, digest.slice(0, 2), digest.slice(2, 4), digest)

  it('stores a stream under its digest and reads it whole or in part', async () => {
    const bytes = randomBytes(700_000)
    const digest = digestOf(bytes)
    const put = await store.put(
      stream(bytes.subarray(0, 1), bytes.subarray(1, 300_000), bytes.subarray(300_000)),
    )
    expect(put).toEqual({ digest, bytes: bytes.length })
    expect(await store.stat(digest)).toEqual(put)
    expect((await collect(store.read(digest))).equals(bytes)).toBe(true)
    const part = await collect(store.read(digest, { start: 262_140, end: 300_003 }))
    expect(part.equals(bytes.subarray(262_140, 300_004))).toBe(true)
    expect(await collect(store.read(digest, { start: 699_998, end: 10_000_000 }))).toHaveLength(2)
  })

  it('takes the same blob twice, also at the same time, and an empty one', async () => {
    const bytes = randomBytes(1000)
    const put = () => store.put(stream(bytes), { expected: digestOf(bytes) })
    const stats = await Promise.all([put(), put(), put()])
    expect(new Set(stats.map(({ digest }) => digest))).toEqual(new Set([digestOf(bytes)]))
    expect(await put()).toEqual(stats[0])
    expect((await store.put(stream())).bytes).toBe(0)
    expect(await uploads()).toEqual([])
  })

  it('keeps nothing of a blob with another digest than expected', async () => {
    const bytes = randomBytes(100)
    const expected = digestOf(Buffer.from('something else'))
    await expect(store.put(stream(bytes), { expected })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    expect(await store.stat(digestOf(bytes))).toBeUndefined()
    expect(await store.stat(expected)).toBeUndefined()
    expect(await uploads()).toEqual([])
  })

  it('stops reading a blob that is too large, and keeps nothing of it', async () => {
    let sent = 0
    async function* endless(): AsyncIterable<Uint8Array> {
      for (;;) {
        sent += 1000
        yield new Uint8Array(1000)
      }
    }
    await expect(store.put(endless(), { maxBytes: 5000 })).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect(sent).toBe(6000)
    expect(await uploads()).toEqual([])
  })

  it('keeps nothing of a stream that breaks off', async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield new Uint8Array(1000)
      throw new Error('the connection broke')
    }
    await expect(store.put(broken())).rejects.toThrow('the connection broke')
    expect(await uploads()).toEqual([])
  })

  it('removes what a killed process left half-written, but no upload that may still run', async () => {
    const old = path.join(folder, 'uploads', 'old')
    await writeFile(old, 'half')
    const longAgo = new Date(Date.now() - 48 * 3_600_000)
    await utimes(old, longAgo, longAgo)
    await writeFile(path.join(folder, 'uploads', 'recent'), 'half')
    await openFileBlobStore(folder)
    expect(await uploads()).toEqual(['recent'])
  })

  it('notices damage when a blob is read whole, and heals a cut file when the blob is stored again', async () => {
    const bytes = randomBytes(1000)
    const { digest } = await store.put(stream(bytes))
    await writeFile(fileOf(digest), Buffer.alloc(1000))
    await expect(collect(store.read(digest))).rejects.toThrow(/damaged/)
    await writeFile(fileOf(digest), bytes.subarray(0, 500))
    await store.put(stream(bytes))
    expect((await collect(store.read(digest))).equals(bytes)).toBe(true)
  })

  it('knows no blob by anything but a digest', async () => {
    for (const name of ['', '../uploads', 'A'.repeat(64), `${'a'.repeat(63)}/`]) {
      expect(await store.stat(name)).toBeUndefined()
      await expect(collect(store.read(name))).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await store.remove(name)
    }
  })

  it('removes', async () => {
    const { digest } = await store.put(stream(randomBytes(10)))
    await store.remove(digest)
    await store.remove(digest)
    expect(await store.stat(digest)).toBeUndefined()
  })
})
