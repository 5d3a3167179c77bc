import { z } from 'zod'
import { bytesToHex, sha256Hex } from '../../../kernel/digest.ts'
import { ForgeError } from '../../../kernel/errors.ts'
import { LIMITS } from '../../../kernel/limits.ts'

/** SHA-256 of a file's bytes. WebCrypto does it off the main thread, where the page is a secure context. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) return sha256Hex(bytes)
  return bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

const stored = z.object({ digest: z.string(), bytes: z.number() })

/**
 * Stores bytes under their digest, PUT /api/v0/blobs/{digest}. XMLHttpRequest, because `fetch` tells nothing about
 * the progress of an upload.
 * @param onProgress share of the bytes sent, 0 to 1
 * @throws ForgeError TOO_LARGE, UNAVAILABLE, or what the server says
 */
export function putBlob(
  digest: string,
  bytes: Uint8Array<ArrayBuffer>,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  if (bytes.length > LIMITS.blob_bytes) {
    return Promise.reject(
      new ForgeError('TOO_LARGE', `the file has ${bytes.length} bytes; the limit is ${LIMITS.blob_bytes}`, {
        hint: 'Split the operand, or use a narrower dtype.',
      }),
    )
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('PUT', `/api/v0/blobs/${digest}`)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    request.onload = () => {
      const body = jsonOf(request.responseText)
      if (request.status >= 400) return reject(body ?? unavailable(`the server answered ${request.status}`))
      const parsed = stored.safeParse(body)
      if (parsed.success && parsed.data.digest === digest) return resolve()
      reject(
        new ForgeError('DIGEST_MISMATCH', 'the server stored other bytes than this page sent', {
          hint: 'Upload the file again.',
        }),
      )
    }
    request.onerror = () => reject(unavailable('the upload was interrupted'))
    request.onabort = () => reject(new ForgeError('CANCELLED', 'the upload was cancelled'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(bytes)
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unavailable(message: string): ForgeError {
  return new ForgeError('UNAVAILABLE', message, { hint: 'Check the connection and try again.' })
}
