import { availableParallelism } from 'node:os'
import process from 'node:process'
import { z } from 'zod'
import { spawnNodeThread } from '../../agent-runtime/headless/spawn-node.ts'
import { ThreadedWasmExecutor } from '../../agent-runtime/wasm/threaded-executor.ts'
import { publicRecords } from '../../kernel/api/ledger.ts'
import { fromBase64 } from '../../kernel/base64.ts'
import { schemaError } from '../../kernel/contract.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { base64Key } from '../../kernel/evidence/field-schemas.ts'
import type { Checkpoint } from '../../kernel/ledger/checkpoint.ts'
import { NOTE_SIGNATURE, type NoteKey, parseVkey } from '../../kernel/ledger/signed-note.ts'
import { strictly } from '../../kernel/ledger/strict-ed25519.ts'
import { verifySignature } from '../ed25519.ts'
import { EXIT } from '../exit-codes.ts'
import { CLI_LIMITS } from '../limits.ts'
import { parseOptions, wholeNumber, wrongUse } from '../options.ts'
import { harmless, painter } from '../terminal.ts'
import { readTextFile } from '../text-file.ts'
import { explain } from '../verify.ts'
import { auditRecord } from './audit-record.ts'
import {
  type AuditState,
  type EntryReport,
  loadAuditState,
  NO_COUNTS,
  saveAuditState,
} from './audit-state.ts'
import { HubReader } from './hub-reader.ts'
import { readHead, walkLedger } from './ledger-walk.ts'

const HELP = `Usage: forge replay-all [--hub URL] [--since DATE|SIZE] [--shards N] [options]

Audits a hub through what it shows everybody: hashes every entry of its ledger into the signed root, demands that the
checkpoints kept from before are contained, verifies the evidence of every public record, and executes a sample of each
one's shards on this machine. A record whose correction is in the ledger is reported as corrected; one whose evidence
leaves its correction out is wrong.

  --hub URL         the site (default: http://localhost:3000)
  --since WHEN      only records from then on: a date such as 2026-11-26 (of the settlement, UTC), or a size of the ledger
  --shards N        shards drawn of each record (default: 4), all, or 0 to execute none
  --threads N       shards at a time (default: one for each core)
  --log-key VKEY    key of the ledger (default: what the site says)
  --hub-key B64     a key of the hub; may be given several times (default: what the site says)
  --checkpoint FILE checkpoint of this ledger that you kept (GET /log/checkpoint): the ledger must contain it
  --state FILE      kept up to date after every record: the same command goes on where it was stopped, from the ledger
                    that it saw
  --json            one JSON object a line: a report of each record, then the summary
  -h, --help        this text

Exit codes:
    0  the ledger is consistent, and every record looked at is verified or corrected
    1  the ledger is not what was signed or kept, or a record is wrong
    2  wrong options
    3  the hub does not answer, or a file cannot be read
    4  nothing is wrong, but this version of forge cannot execute some record, or its evidence is missing
  130  stopped by Ctrl-C
`

const OPTIONS = {
  hub: { type: 'string', default: 'http://localhost:3000' },
  since: { type: 'string', default: '0' },
  shards: { type: 'string', default: '4' },
  threads: { type: 'string' },
  'log-key': { type: 'string' },
  'hub-key': { type: 'string', multiple: true },
  checkpoint: { type: 'string' },
  state: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** `forge replay-all`. @returns exit code */
export async function replayAllCommand(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await replayAll(argv, stopped.signal)
  } catch (error) {
    if (stopped.signal.aborted) {
      process.stderr.write('\nStopped.\n')
      return EXIT.stopped
    }
    if (error instanceof ForgeError && error.code === 'DIGEST_MISMATCH') {
      process.stderr.write(`✗ ledger: ${harmless(error.message)}\n`)
      if (argv.includes('--json'))
        process.stdout.write(`${JSON.stringify({ forge_replay_all: 1, ok: false, ledger: error.message })}\n`)
      return EXIT.rejected
    }
    return explain(error, HELP)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

const identitySchema = z.object({
  vkey: z.string().max(512),
  hub_keys: z.array(z.object({ key: base64Key })).max(1024),
})

async function replayAll(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseOptions(argv, OPTIONS)
  if (positionals.length > 0) throw wrongUse('no operand is expected')
  const origin = originOf(values.hub)
  const since = sinceOf(values.since)
  if (!/^(all|0|[1-9][0-9]{0,6})$/.test(values.shards)) throw wrongUse('--shards: a number, or all')
  const threads =
    values.threads === undefined
      ? Math.min(availableParallelism(), CLI_LIMITS.threads)
      : wholeNumber(values.threads, 'threads', 1, CLI_LIMITS.threads)
  const before = values.state === undefined ? undefined : await loadAuditState(values.state)
  if (before !== undefined && before.hub !== origin)
    throw wrongUse(`--state: the file is of ${harmless(before.hub)}`)
  const hub = new HubReader(origin, signal)
  const identity = identitySchema.safeParse(await hub.json('/.well-known/forge-pool.json'))
  if (!identity.success) throw schemaError(identity.error, 'MESSAGE_INVALID')
  const logKey = logKeyOf(values['log-key'] ?? identity.data.vkey)
  const hubKeys = (values['hub-key'] ?? identity.data.hub_keys.map(({ key }) => key)).map(hubKeyOf)

  const verify = strictly(verifySignature)
  const past: Checkpoint[] = []
  for (const text of [
    before?.checkpoint,
    values.checkpoint === undefined
      ? undefined
      : await readTextFile(values.checkpoint, CLI_LIMITS.checkpoint_bytes),
  ])
    if (text !== undefined) past.push(await readHead(text, logKey, verify))
  const note = await hub.text('/log/checkpoint', CLI_LIMITS.checkpoint_bytes)
  const head = { note, checkpoint: await readHead(note, logKey, verify) }
  const first = Math.max(before?.next ?? 0, since.size)
  const ledger = await walkLedger(hub, head, past, first)

  const say = (text: string) => void (values.json ? undefined : process.stdout.write(text))
  const paint = painter(process.stdout)
  say(
    `${paint('✓', 32)} ${ledger.checkpoint.origin}: ${ledger.checkpoint.size} entries hash to the signed root${past.map(({ size }) => `, the first ${size} as kept`).join('')}\n`,
  )
  let state: AuditState = {
    forge_replay_all: 1,
    hub: origin,
    checkpoint: note,
    next: first,
    counts: before?.counts ?? NO_COUNTS,
    findings: before?.findings ?? [],
  }
  const keep = async (next: AuditState): Promise<void> => {
    state = next
    if (values.state !== undefined) await saveAuditState(values.state, state)
  }
  await keep(state)
  const executors = Array.from({ length: threads }, () => new ThreadedWasmExecutor(spawnNodeThread))
  try {
    const auditor = { hub, ledger, logKey, hubKeys, shards: values.shards, executors, signal }
    for await (const { index, job_id, settled_at } of recordsFrom(hub, first, ledger.checkpoint.size)) {
      if (Date.parse(settled_at) < since.time) {
        state = { ...state, next: index + 1 }
        continue
      }
      const report = await auditRecord(auditor, index, job_id)
      if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
      else say(`${lineOf(report, paint)}\n`)
      const isFinding = report.status !== 'verified' && report.status !== 'corrected'
      await keep({
        ...state,
        next: index + 1,
        counts: { ...state.counts, [report.status]: (state.counts[report.status] ?? 0) + 1 },
        findings: isFinding ? [...state.findings, report] : state.findings,
      })
    }
    await keep({ ...state, next: Math.max(state.next, ledger.checkpoint.size) })
  } finally {
    await Promise.all(executors.map((executor) => executor.close()))
  }
  return summarise(state, ledger.checkpoint.size, values.json, say)
}

function summarise(
  { counts, hub }: AuditState,
  size: number,
  asJson: boolean,
  say: (text: string) => void,
): number {
  const { wrong = 0, unable = 0, missing = 0, verified = 0, corrected = 0 } = counts
  if (asJson)
    process.stdout.write(
      `${JSON.stringify({ forge_replay_all: 1, ok: wrong + unable + missing === 0, hub, size, counts })}\n`,
    )
  say(
    `${verified} records verified, ${corrected} corrected, ${wrong} wrong, ${unable} not executable here, ${missing} without evidence\n`,
  )
  return wrong > 0 ? EXIT.rejected : unable + missing > 0 ? EXIT.unable : EXIT.ok
}

/** Public records in the order of the ledger, up to what was walked. */
async function* recordsFrom(hub: HubReader, first: number, size: number) {
  for (let from: number | null = first; from !== null && from < size; ) {
    const page = publicRecords.safeParse(await hub.json(`/api/v0/records?from=${from}`))
    if (!page.success) throw schemaError(page.error, 'MESSAGE_INVALID')
    const { records, next } = page.data
    let least = from
    for (const record of records) {
      if (record.index < least) throw new ForgeError('MESSAGE_INVALID', 'the list of records is out of order')
      least = record.index + 1
      if (record.index < size) yield record
    }
    if (next !== null && next < least)
      throw new ForgeError('MESSAGE_INVALID', 'the list of records has no end')
    from = next
  }
}

function lineOf(report: EntryReport, paint: ReturnType<typeof painter>): string {
  const { index, job_id, status, detail, replayed } = report
  const isWell = status === 'verified' || status === 'corrected'
  const mark = isWell ? paint('✓', 32) : status === 'wrong' ? paint('✗', 31) : paint('–', 33)
  const said =
    status === 'verified' ? `verified, ${replayed} shards executed, none differs` : `${status}: ${detail}`
  return `${mark} entry ${index}, job ${harmless(job_id)}: ${harmless(said)}`
}

function originOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol) || new URL(text).pathname !== '/')
    throw wrongUse('--hub: an address such as https://pool.example is expected')
  return new URL(text).origin
}

/** A size of the ledger, or a time in ms since 1970. */
function sinceOf(text: string): { readonly size: number; readonly time: number } {
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return { size: Number(text), time: Number.NEGATIVE_INFINITY }
  const isDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,12}Z)?$/.test(text)
  if (!isDate || Number.isNaN(Date.parse(text)))
    throw wrongUse('--since: a date such as 2026-11-26 or 2026-11-26T08:00Z, or a size of the ledger')
  return { size: 0, time: Date.parse(text) }
}

function logKeyOf(text: string): NoteKey {
  try {
    const key = parseVkey(text)
    if (key.type === NOTE_SIGNATURE) return key
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error
  }
  throw wrongUse('--log-key: the key of a log is expected')
}

function hubKeyOf(text: string): Uint8Array {
  if (!base64Key.safeParse(text).success) throw wrongUse('--hub-key: 32 bytes in base 64 are expected')
  return fromBase64(text)
}
