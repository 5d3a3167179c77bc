import { wrap } from 'comlink'
import { ForgeError } from '../kernel/errors.ts'
import type { PinTexts } from '../kernel/evidence/pins.ts'
import type { ReexecutionRequest } from './reexecute.ts'
import { installErrorTransfer } from './transfer-errors.ts'
import type { VerificationApi, VerificationView } from './verify-worker.ts'

/** A worker that verifies evidence files, until it is closed. Its methods fail as `VerificationApi` says. */
export class EvidenceVerifier {
  readonly #worker: Worker
  readonly #api: ReturnType<typeof wrap<VerificationApi>>
  /** Comlink would wait for ever for a worker that has died. */
  readonly #died: Promise<never>

  constructor() {
    installErrorTransfer()
    this.#worker = new Worker(new URL('./verify-worker.ts', import.meta.url), {
      type: 'module',
      name: 'forge-verification',
    })
    this.#api = wrap<VerificationApi>(this.#worker)
    this.#died = new Promise<never>((_, reject) => {
      this.#worker.onerror = (event) => {
        const reason = event.message || 'its script could not be loaded'
        reject(new ForgeError('UNAVAILABLE', `the verifying worker failed: ${reason}`))
      }
    })
    this.#died.catch(() => undefined)
  }

  verify(file: Blob, pins: PinTexts): Promise<VerificationView> {
    return Promise.race([this.#api.verify(file, pins), this.#died])
  }

  reexecution(shards: readonly number[]): Promise<ReexecutionRequest> {
    return Promise.race([this.#api.reexecution(shards), this.#died])
  }

  close(): void {
    this.#worker.terminate()
  }
}
