import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../kernel/digest.ts'
import { LIMITS } from '../kernel/limits.ts'
import { httpBlobs } from './blobs.ts'

const BYTES = Uint8Array.of(1, 2, 3)
const DIGEST = sha256Hex(BYTES)
const signal = new AbortController().signal

function answering(answer: (url: string, init: RequestInit) => Response | Promise<Response>) {
  return httpBlobs('https://pool.example', (async (url: URL, init: RequestInit) =>
    answer(url.href, init)) as typeof fetch)
}

describe('blobs over HTTP', () => {
  it('are asked for by digest with the session, and never with cookies', async () => {
    const blobs = answering((url, init) => {
      expect(url).toBe(`https://pool.example/api/v0/blobs/${DIGEST}`)
      expect(init).toMatchObject({ credentials: 'omit', headers: { authorization: 'Forge-Session s1' } })
      return new Response(BYTES)
    })
    expect(await blobs.get(DIGEST, 's1', signal)).toEqual(BYTES)
  })

  it('are refused when they are not the bytes of the digest', async () => {
    const blobs = answering(() => new Response(Uint8Array.of(1, 2, 4)))
    await expect(blobs.get(DIGEST, 's1', signal)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  it('are not read beyond the limit', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1 << 22
        controller.enqueue(new Uint8Array(1 << 22))
      },
    })
    const blobs = answering(() => new Response(endless))
    await expect(blobs.get(DIGEST, 's1', signal)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect(sent).toBeLessThan(LIMITS.blob_bytes + (1 << 24))
  })

  it.each([
    [401, 'UNAUTHENTICATED'],
    [404, 'NOT_FOUND'],
    [413, 'TOO_LARGE'],
    [429, 'RATE_LIMITED'],
    [503, 'UNAVAILABLE'],
  ])('answered with %d fail as %s', async (status, code) => {
    const blobs = answering(() => new Response('{}', { status }))
    await expect(blobs.get(DIGEST, 's1', signal)).rejects.toMatchObject({ code })
    await expect(blobs.put(DIGEST, BYTES, 's1', signal)).rejects.toMatchObject({ code })
  })

  it('that do not arrive are worth another try', async () => {
    const blobs = answering(() => Promise.reject(new TypeError('fetch failed')))
    await expect(blobs.get(DIGEST, 's1', signal)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
  })
})
