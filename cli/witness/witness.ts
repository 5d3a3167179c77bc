import { fromBase64, toBase64 } from '../../kernel/base64.ts'
import { bytesEqual } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { type Checkpoint, parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import { parseWitnessRequest, type WitnessRequest } from '../../kernel/ledger/proof-text.ts'
import {
  cosignNote,
  formatSignatureLine,
  type NoteKey,
  parseSignedNote,
  type Sign,
  type SignedNote,
  type VerifySignature,
  verifyNote,
} from '../../kernel/ledger/signed-note.ts'
import { MerkleRoot } from '../../kernel/merkle.ts'
import { verifyConsistency } from '../../kernel/merkle-proof.ts'
import type { StateFile, WitnessState } from './state-file.ts'

export interface WitnessPorts {
  /** Its own key, of a cosigner. */
  readonly key: NoteKey
  readonly sign: Sign
  /** Logs that it watches; their names are their origins. */
  readonly logs: readonly NoteKey[]
  readonly state: Pick<StateFile, 'state' | 'keep'>
  readonly verifySignature: VerifySignature
  /** Seconds since the epoch. */
  now(): number
}

/** An answer of HTTP. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly type: 'text/plain; charset=utf-8' | 'text/x.tlog.size'
  readonly body: string
}

const say = (status: WitnessAnswer['status'], body: string): WitnessAnswer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

/**
 * A witness (https://c2sp.org/tlog-witness): it cosigns a checkpoint only when the log has signed it and it contains the
 * one cosigned before, and it remembers it durably first.
 */
export class Witness {
  readonly #ports: WitnessPorts
  #state: WitnessState
  /** Requests are served one after the other: between looking at the last size and keeping the new one there is no gap. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(ports: WitnessPorts) {
    this.#ports = ports
    this.#state = ports.state.state
  }

  /** `POST add-checkpoint`. @param body of the request. @throws what the state file throws: nothing is cosigned then */
  addCheckpoint(body: string): Promise<WitnessAnswer> {
    const answer = this.#last.then(() => this.#add(body))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #add(body: string): Promise<WitnessAnswer> {
    let request: WitnessRequest
    let note: SignedNote
    let head: Checkpoint
    try {
      request = parseWitnessRequest(body)
      note = parseSignedNote(request.checkpoint)
      head = parseCheckpoint(note.text)
    } catch (error) {
      if (error instanceof ForgeError && error.code !== 'INTERNAL') return say(400, error.message)
      throw error
    }
    const log = this.#ports.logs.find(({ name }) => name === head.origin)
    if (log === undefined) return say(404, 'this witness does not watch that log')
    if ((await verifyNote(note, log, this.#ports.verifySignature)).state !== 'valid')
      return say(403, 'the log has not signed that checkpoint')
    if (request.old > head.size) return say(400, 'the old size is above that of the checkpoint')
    const seen = Object.hasOwn(this.#state.logs, log.name) ? this.#state.logs[log.name] : undefined
    const size = seen?.size ?? 0
    if (request.old !== size) return conflict(size)
    const refusal = this.#inconsistency(request, head, seen === undefined ? undefined : fromBase64(seen.root))
    if (refusal !== undefined) return refusal
    if (seen === undefined || head.size > size) {
      const state: WitnessState = {
        ...this.#state,
        logs: { ...this.#state.logs, [log.name]: { size: head.size, root: toBase64(head.root) } },
      }
      await this.#ports.state.keep(state)
      this.#state = state
    }
    const line = await cosignNote(note.text, this.#ports.key, this.#ports.now(), this.#ports.sign)
    return say(200, formatSignatureLine(line))
  }

  /** Why the checkpoint does not follow the one seen last; undefined when it does. */
  #inconsistency(
    { old, hashes }: WitnessRequest,
    head: Checkpoint,
    root: Uint8Array | undefined,
  ): WitnessAnswer | undefined {
    if (head.size === 0 && !bytesEqual(head.root, new MerkleRoot().root()))
      return say(422, 'the root of an empty log is another one')
    if (old === 0) return hashes.length === 0 ? undefined : say(400, 'nothing is proven from size 0')
    if (root === undefined) return conflict(0)
    // Two roots of one size: the specification answers it as a conflict, and either one proves the fork.
    if (old === head.size && !bytesEqual(root, head.root)) return conflict(old)
    return verifyConsistency(old, head.size, root, head.root, hashes)
      ? undefined
      : say(422, 'the checkpoint does not contain the one cosigned before')
  }
}

function conflict(size: number): WitnessAnswer {
  return { status: 409, type: 'text/x.tlog.size', body: `${size}\n` }
}
