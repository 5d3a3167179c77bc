import { median } from '../pairs.ts'
import type { Row, Suite, SuiteOptions, SuiteRun } from '../suite.ts'
import { agentOverhead } from './agent-overhead.ts'
import { buildCommand, type CommandUse, timedVerify } from './command.ts'
import { type Ground, openGround } from './ground.ts'
import { type LargeJobFile, largeJobFile } from './large-job.ts'
import { appends, proofs } from './ledger.ts'

const SHARDS = 1_000_000
const LEASE_SHARDS = 1024
/** Of the small file: a few shards and receipts. */
const SMALL_SHARDS = 8

const blank = (id: string, what: string, unit: string): Row => ({
  id,
  what,
  unit,
  value: null,
  ours: null,
  peer: null,
  peer_value: null,
  rate: unit,
})

/** Rows that are measured together, on one ledger. */
interface Part {
  readonly ids: readonly string[]
  run(ground: Ground, options: SuiteOptions): Promise<readonly Row[]>
}

const PARTS: readonly Part[] = [
  // A proof needs a ledger: the one that the appends make.
  {
    ids: ['appends_per_s', 'proof_ms'],
    run: async (ground, options) => [await appends(ground, options), await proofs(ground, options)],
  },
  { ids: ['verify_1m_s', 'verify_1m_mb'], run: verifyLarge },
  { ids: ['cli_ms'], run: verifySmall },
  { ids: ['agent_overhead', 'agent_overhead/blobs'], run: (_, options) => agentOverhead(options) },
]

async function verifications(file: string, rounds: number): Promise<readonly CommandUse[]> {
  await buildCommand()
  const uses: CommandUse[] = []
  for (let round = 0; round < rounds; round++) uses.push(await timedVerify(file))
  return uses
}

const cpuNote = (uses: readonly CommandUse[]): string =>
  `${(median(uses.map(({ cpu_ms }) => cpu_ms)) / 1000).toFixed(2)} s of CPU on all its threads`

const span = (values: readonly number[]): readonly [number, number] => [
  Math.min(...values),
  Math.max(...values),
]

async function verifyLarge(ground: Ground, { rounds, say }: SuiteOptions): Promise<readonly Row[]> {
  const made = await largeJobFile(ground, SHARDS, LEASE_SHARDS, say)
  say(`  its evidence has ${(made.bytes / 1e6).toFixed(1)} MB`)
  const uses = await verifications(made.file, Math.min(rounds, 5))
  const seconds = uses.map(({ wall_ms }) => wall_ms / 1000)
  const peaks = uses.map(({ peak_mb }) => peak_mb)
  return [
    {
      ...blank('verify_1m_s', 'forge verify of a job of a million shards, from start to end', 's'),
      value: median(seconds),
      at_most: 3,
      spread: span(seconds),
      notes: [fileNote(made), cpuNote(uses)],
    },
    {
      ...blank('verify_1m_mb', 'resident memory of the same at its highest', 'MB'),
      value: median(peaks),
      at_most: 300,
      spread: span(peaks),
    },
  ]
}

const fileNote = ({ bytes, receipts, record_ms, file_ms }: LargeJobFile): string =>
  `${(bytes / 1e6).toFixed(1)} MB with ${receipts} receipts over ${LEASE_SHARDS} shards each; the server took ${(record_ms / 1000).toFixed(2)} s of CPU for the record and ${(file_ms / 1000).toFixed(2)} s for the file`

async function verifySmall(ground: Ground, { rounds, say }: SuiteOptions): Promise<readonly Row[]> {
  const { file } = await largeJobFile(ground, SMALL_SHARDS, 4, say)
  const uses = await verifications(file, 2 * rounds + 1)
  const ms = uses.map(({ wall_ms }) => wall_ms)
  return [
    {
      ...blank('cli_ms', 'forge verify of a small file, from start to end of the process', 'ms'),
      value: median(ms),
      at_most: 300,
      spread: span(ms),
      notes: [cpuNote(uses)],
    },
  ]
}

async function run(options: SuiteOptions): Promise<SuiteRun> {
  const { only, say } = options
  const rows: Row[] = []
  for (const part of PARTS) {
    const wanted = part.ids.filter((id) => only.has(id))
    if (wanted.length === 0) continue
    say(wanted.join(', '))
    let ground: Ground | undefined
    try {
      ground = await openGround(say)
      rows.push(...(await part.run(ground, options)).filter(({ id }) => only.has(id)))
    } catch (error) {
      const invalid = error instanceof Error ? error.message : String(error)
      rows.push(...wanted.map((id) => ({ ...blank(id, '', ''), invalid })))
    } finally {
      await ground?.close()
    }
  }
  return { rows, adapters: [] }
}

/** Ledger, evidence of a large job, and what evidence costs agents and people. */
export const evidence: Suite = {
  name: 'evidence',
  title: 'the ledger, the evidence of a job of a million shards, and what evidence costs an agent',
  ids: () => PARTS.flatMap(({ ids }) => ids),
  run,
}
