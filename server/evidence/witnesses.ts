import { ForgeError } from '../../kernel/errors.ts'
import { parseCheckpoint, parseCount } from '../../kernel/ledger/checkpoint.ts'
import { formatWitnessRequest } from '../../kernel/ledger/proof-text.ts'
import {
  COSIGNATURE,
  formatSignedNote,
  type NoteKey,
  type NoteSignature,
  parseSignatureLine,
  parseSignedNote,
  parseVkey,
  verifyNote,
} from '../../kernel/ledger/signed-note.ts'
import type { LogHead, RecordStore } from '../memory/ports/records.ts'
import { EVIDENCE_LIMITS } from './limits.ts'
import type { Publisher } from './publisher.ts'
import { verifySignature } from './signing-keys.ts'

/** A witness that this ledger asks (https://c2sp.org/tlog-witness). */
export interface Witness {
  readonly key: NoteKey
  /** Submission prefix, without a slash at its end. */
  readonly url: string
}

/** `vkey url` pairs with commas between. @throws ForgeError ARGS_OUT_OF_RANGE */
export function parseWitnesses(text: string): readonly Witness[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  if (entries.length > EVIDENCE_LIMITS.witnesses)
    throw new ForgeError('ARGS_OUT_OF_RANGE', `more than ${EVIDENCE_LIMITS.witnesses} witnesses`)
  return entries.map((entry) => {
    const [vkey = '', url = '', more] = entry.split(/\s+/)
    if (more !== undefined || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new ForgeError('ARGS_OUT_OF_RANGE', 'a witness is its key, a space and its address', {
        hint: 'As `forge witness` prints it: witness.example+0a1b2c3d+BA… https://witness.example',
      })
    const key = parseVkey(vkey)
    if (key.type !== COSIGNATURE)
      throw new ForgeError('ARGS_OUT_OF_RANGE', `${key.name} is not the key of a witness`)
    return { key, url: url.replace(/\/+$/, '') }
  })
}

/** Asks every witness to cosign the newest head, and keeps what they answer. A witness that fails only lacks there. */
export class Cosigners {
  readonly #witnesses: readonly Witness[]
  readonly #records: Pick<RecordStore, 'head' | 'cosigned'>
  readonly #publisher: Publisher
  readonly #log: (level: 'warn', message: string, fields: Record<string, unknown>) => void
  /** What each has cosigned last, as far as this process knows. */
  readonly #sizes = new Map<string, number>()

  constructor(
    witnesses: readonly Witness[],
    records: Pick<RecordStore, 'head' | 'cosigned'>,
    publisher: Publisher,
    log: (level: 'warn', message: string, fields: Record<string, unknown>) => void,
  ) {
    this.#witnesses = witnesses
    this.#records = records
    this.#publisher = publisher
    this.#log = log
  }

  get keys(): readonly NoteKey[] {
    return this.#witnesses.map(({ key }) => key)
  }

  async cosign(): Promise<void> {
    const head = await this.#records.head()
    if (head === undefined || this.#witnesses.length === 0) return
    const added = await Promise.all(this.#witnesses.map((witness) => this.#ask(witness, head)))
    const signatures = added.flat()
    if (signatures.length === 0) return
    const note = parseSignedNote(head.note)
    await this.#records.cosigned({
      size: head.size,
      note: formatSignedNote({ text: note.text, signatures: [...note.signatures, ...signatures] }),
    })
  }

  async #ask(witness: Witness, head: LogHead): Promise<readonly NoteSignature[]> {
    const { name } = witness.key
    try {
      const note = parseSignedNote(head.note)
      if ((await verifyNote(note, witness.key, verifySignature)).state === 'valid') return []
      const first = await this.#post(witness, head, this.#sizes.get(name) ?? 0)
      const answer = typeof first === 'number' ? await this.#post(witness, head, first) : first
      if (typeof answer === 'number') throw new ForgeError('UNAVAILABLE', `it has seen ${answer} entries`)
      this.#sizes.set(name, head.size)
      const own = answer.filter(({ name: signer }) => signer === name)
      const verdict = await verifyNote({ text: note.text, signatures: own }, witness.key, verifySignature)
      if (verdict.state !== 'valid') throw new ForgeError('MESSAGE_INVALID', 'its cosignature is not valid')
      return own
    } catch (error) {
      this.#log('warn', 'a witness did not cosign', { witness: name, size: head.size, error: String(error) })
      return []
    }
  }

  /** @returns its signature lines, or the size that it has seen where it is another than `old` */
  async #post(witness: Witness, head: LogHead, old: number): Promise<readonly NoteSignature[] | number> {
    const { size } = parseCheckpoint(parseSignedNote(head.note).text)
    if (old > size)
      throw new ForgeError('CONFLICT', `it has seen ${old} entries of this ledger, which has ${size}`)
    const response = await fetch(`${witness.url}/add-checkpoint`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: formatWitnessRequest({
        old,
        hashes: await this.#publisher.consistency(old, size),
        checkpoint: head.note,
      }),
      signal: AbortSignal.timeout(EVIDENCE_LIMITS.witness_timeout_ms),
      redirect: 'error',
    })
    const text = await boundedText(response)
    if (response.status === 409 && response.headers.get('content-type')?.startsWith('text/x.tlog.size'))
      return parseCount(text.trim())
    if (response.status !== 200)
      throw new ForgeError('UNAVAILABLE', `it answered ${response.status}: ${text.slice(0, 120)}`)
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map(parseSignatureLine)
  }
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > EVIDENCE_LIMITS.witness_answer_bytes)
      throw new ForgeError('TOO_LARGE', 'a witness answered with more than it may')
    parts.push(part)
  }
  return new TextDecoder().decode(Buffer.concat(parts))
}
