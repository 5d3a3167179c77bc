import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import { drawFrom } from '../../kernel/evidence/mutate.test-support.ts'
import { type Checkpoint, parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import { parseWitnessRequest } from '../../kernel/ledger/proof-text.ts'
import {
  formatVkey,
  NOTE_SIGNATURE,
  type NoteKey,
  parseSignedNote,
  parseVkey,
  verifyNote,
} from '../../kernel/ledger/signed-note.ts'
import { MerkleRoot } from '../../kernel/merkle.ts'
import { checkLedgerFiles } from '../fsck/ledger-files.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { type Child, startChild } from '../memory/testing/child.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { openTileStore } from '../memory/tile-store-files.ts'
import { openSigningKey, verifySignature } from './signing-keys.ts'

/**
 * A server that is killed in the middle of recording, publishing and cosigning, again and again, beside two witnesses that
 * are killed now and then. LEDGER_KILLS makes it longer (`npm run simulate -- ledger --kills N`), FUZZ_SEED repeats a run.
 */
const KILLS = Number(process.env.LEDGER_KILLS ?? 8)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
/** Entries before the first kill: the first tile fills while servers die. */
const BEFORE = 236
const ORIGIN = 'kills.example/log'

let database: TestDatabase
let folder: string
let witnesses: WitnessBehindRecord[]
let logKey: NoteKey
beforeEach(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'forge-kills-'))
  const { publicKey } = await openSigningKey(path.join(folder, 'keys', 'log.pem'))
  logKey = { name: ORIGIN, type: NOTE_SIGNATURE, publicKey }
  const records = createRecordStore(database)
  await records.identity({ origin: ORIGIN, vkey: formatVkey(logKey) })
  await records.append(Array.from({ length: BEFORE }, (_, at) => otherEntry(at)))
  witnesses = [await WitnessBehindRecord.start('one'), await WitnessBehindRecord.start('two')]
})
afterEach(async () => {
  for (const witness of witnesses) await witness.end()
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

const otherEntry = (at: number) => ({
  kind: 'record' as const,
  job_id: randomUUID(),
  leaf: new TextEncoder().encode(`entry ${at}`),
  envelope: '{}',
  trace: sha256Hex('trace'),
  receipts: sha256Hex('receipts'),
})

/** `forge witness`, and on the way to it somebody who remembers which checkpoints it has cosigned. */
class WitnessBehindRecord {
  /** Notes that were answered with a cosignature. */
  readonly seen: string[] = []
  readonly #name: string
  readonly #front: Server
  #child: Child
  #url: string
  #vkey: string

  private constructor(name: string, front: Server, started: Awaited<ReturnType<typeof startWitness>>) {
    this.#name = name
    this.#front = front
    this.#child = started.child
    this.#url = started.url
    this.#vkey = started.vkey
  }

  static async start(name: string): Promise<WitnessBehindRecord> {
    const front = createServer()
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    const witness = new WitnessBehindRecord(name, front, await startWitness(name))
    front.on('request', (request, response) => {
      const pass = async () => {
        const body = await text(request)
        const answer = await fetch(`${witness.#url}${request.url}`, { method: 'POST', body })
        if (answer.status === 200) witness.seen.push(parseWitnessRequest(body).checkpoint)
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        response.end(await answer.text())
      }
      // The server that asked, or the witness, has been killed meanwhile.
      pass().catch(() => response.destroy())
    })
    return witness
  }

  get entry(): string {
    return `${this.#vkey} http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`
  }

  /** What it has cosigned last, by its own file. */
  async state(): Promise<{ readonly size: number; readonly root: string } | undefined> {
    const state = JSON.parse(await readFile(path.join(folder, `${this.#name}.json`), 'utf8'))
    return state.logs[ORIGIN]
  }

  async killAndStart(): Promise<void> {
    await this.#child.kill()
    const { child, url, vkey } = await startWitness(this.#name)
    this.#child = child
    this.#url = url
    expect(vkey).toBe(this.#vkey)
  }

  async end(): Promise<void> {
    await this.#child.kill()
    this.#front.closeAllConnections()
    await new Promise((resolve) => this.#front.close(resolve))
  }
}

async function startWitness(name: string) {
  const child = startChild(new URL('../../cli/main.ts', import.meta.url), [
    ...['witness', '--listen', '127.0.0.1:0', '--name', `${name}.example/w`, '--log', formatVkey(logKey)],
    ...['--key-file', path.join(folder, `${name}.key`), '--state', path.join(folder, `${name}.json`)],
  ])
  const url = (await child.line()).split(' at ').at(-1) ?? ''
  const vkey = (await child.line()).split(': ').at(-1) ?? ''
  return { child, url, vkey }
}

/** What a recorder does one after the other: two blobs for each job, then the rest for all of them. */
const STEPS = ['blob', 'append', 'tiles', 'checkpoint', 'cosign', 'cosigned']

interface Kill {
  readonly step: string
  readonly time: number
  readonly turns: number
}

/** Runs a recorder until it dies. @returns the jobs it has settled, and whether it came to its end */
async function record(jobs: number, kill: Kill | null) {
  const order = {
    url: database.url,
    folder,
    origin: ORIGIN,
    witnesses: witnesses.map(({ entry }) => entry).join(','),
    jobs,
    kill,
  }
  const child = startChild(new URL('./testing/record-until-killed.ts', import.meta.url), [
    JSON.stringify(order),
  ])
  const settled: string[] = []
  for (;;) {
    const line = await child.line()
    const [what, ...rest] = line.split(' ')
    if (what === 'settled') settled.push(rest.join(' '))
    else if (what === 'step' || what === 'done') {
      if (!child.process.killed && child.process.exitCode === null && child.process.signalCode === null)
        await new Promise((resolve) => child.process.once('close', resolve))
      expect(child.process.signalCode).toBe(what === 'step' ? 'SIGKILL' : null)
      return { settled, isDone: what === 'done' }
    } else throw new Error(line)
  }
}

/** The ledger at an instant: hashes of entries, and every file under its name but those that are being written. */
async function snapshot() {
  const { rows } = await database.pool.query<{ hash: string }>(
    `SELECT encode(leaf_hash, 'hex') AS hash FROM log_entries ORDER BY index`,
  )
  const log = path.join(folder, 'log')
  const files = new Map<string, string>()
  for (const entry of await readdir(log, { recursive: true, withFileTypes: true }).catch(() => [])) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile() && !file.endsWith('.new')) files.set(file, sha256Hex(await readFile(file)))
  }
  return { hashes: rows.map(({ hash }) => hash), files }
}

/** Waits until the database has noticed that the killed process is gone. */
async function quiet(): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query<{ busy: number }>(
      `SELECT count(*)::int AS busy FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
    )
    if (rows[0]?.busy === 0) return
  }
}

it('keeps its past and its witnesses, however often the server is killed', {
  timeout: 120_000 + 30_000 * KILLS,
}, async () => {
  const draw = drawFrom(SEED)
  const settled: string[] = []
  const deaths: string[] = []
  const past: Awaited<ReturnType<typeof snapshot>>[] = []
  console.log(`the ledger under ${KILLS} kills: FUZZ_SEED=${SEED}`)
  for (let done = 0; done < KILLS; done++) {
    const jobs = 1 + draw(8)
    const step = STEPS[draw(STEPS.length)] as string
    const kill = {
      step,
      time: 1 + draw(step === 'blob' ? 4 * jobs : 2),
      turns: draw(3) === 0 ? 0 : draw(60),
    }
    const run = await record(jobs, kill)
    settled.push(...run.settled)
    deaths.push(`${step} ${kill.time}+${kill.turns}`)
    await quiet()
    past.push(await snapshot())
    if (draw(4) === 0) await witnesses[draw(witnesses.length)]?.killAndStart()
  }
  expect((await record(1, null)).isDone).toBe(true)
  console.log(`killed in ${deaths.join(', ')}`)

  // Nothing that was ever there has changed or gone.
  const last = await snapshot()
  for (const { hashes, files } of past) {
    expect(last.hashes.slice(0, hashes.length)).toEqual(hashes)
    for (const [file, digest] of files) expect([file, last.files.get(file)]).toEqual([file, digest])
  }
  expect(last.hashes).toHaveLength(BEFORE + settled.length)

  // Every settled job has one record, and there is no other.
  const { rows } = await database.pool.query<{ job_id: string }>(
    'SELECT job_id FROM log_entries WHERE index >= $1',
    [BEFORE],
  )
  expect(rows.map(({ job_id }) => job_id).sort()).toEqual(settled.toSorted())

  // Entries, checkpoints that were ever signed, and files agree.
  const found: string[] = []
  const records = createRecordStore(database)
  const tiles = openTileStore(path.join(folder, 'log'))
  const size = await checkLedgerFiles(database, records, tiles, (check, subject, what) =>
    found.push(`${check}, ${subject}: ${what}`),
  )
  expect(found).toEqual([])

  // Whatever a witness has cosigned is a past of this ledger.
  const roots = await rootsOf(size)
  const followed = (head: Pick<Checkpoint, 'size'> & { readonly root: string }) =>
    expect([head.size, head.root]).toEqual([head.size, roots[head.size]])
  const head = await records.head()
  expect(head?.size).toBe(size)
  for (const witness of witnesses) {
    expect(witness.seen.length).toBeGreaterThan(0)
    for (const seen of witness.seen) {
      const note = parseSignedNote(seen)
      expect((await verifyNote(note, logKey, verifySignature)).state).toBe('valid')
      const checkpoint = parseCheckpoint(note.text)
      followed({ size: checkpoint.size, root: bytesToHex(checkpoint.root) })
    }
    const state = await witness.state()
    expect(state?.size).toBe(size)
    followed({ size, root: Buffer.from(state?.root ?? '', 'base64').toString('hex') })
    const key = parseVkey(witness.entry.split(' ')[0] ?? '')
    expect((await verifyNote(parseSignedNote(head?.note ?? ''), key, verifySignature)).state).toBe('valid')
  }
})

/** Root of each size from 0, in hexadecimal. */
async function rootsOf(size: number): Promise<readonly string[]> {
  const tree = new MerkleRoot()
  const roots = [bytesToHex(tree.root())]
  for (const { leaf } of await createRecordStore(database).leaves(0, size)) {
    tree.append(leaf)
    roots.push(bytesToHex(tree.root()))
  }
  return roots
}
