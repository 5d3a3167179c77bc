import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { systemClock } from '../../agent-runtime/clock.ts'
import type { Executor } from '../../agent-runtime/executor.ts'
import { loadGpu } from '../../agent-runtime/headless/load-gpu.ts'
import { spawnNodeThread } from '../../agent-runtime/headless/spawn-node.ts'
import { VerifiedExecutor } from '../../agent-runtime/verified-executor.ts'
import { ThreadedWasmExecutor } from '../../agent-runtime/wasm/threaded-executor.ts'
import { WebGpuExecutor } from '../../agent-runtime/webgpu/executor.ts'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { notPinned } from '../../kernel/evidence/pins.ts'
import { type EvidenceReport, verifyEvidence } from '../../kernel/evidence/verify.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { chooseShards } from '../../kernel/shard-choice.ts'
import { verifySignature } from '../ed25519.ts'
import { evidenceFile } from '../evidence-file.ts'
import { EXIT } from '../exit-codes.ts'
import { CLI_LIMITS } from '../limits.ts'
import { oneFile, parseOptions, wholeNumber } from '../options.ts'
import { PIN_OPTIONS, PIN_USAGE, readPins } from '../pin-options.ts'
import { painter, reportText } from '../terminal.ts'
import { explain } from '../verify.ts'
import { type ReplayOutcome, replayShards } from './execute.ts'
import { namedFiles, readOperands } from './operands.ts'
import { durationText, replayProgress } from './progress.ts'

const HELP = `Usage: forge replay FILE [options]

Checks an evidence file as forge verify does, then executes shards of its job again on this machine and compares their
SHA-256 with the accepted ones. Offline. With all shards it also folds them, follows a job that stopped early, and compares
the result.

  --shards WHICH          all, a number of shards drawn at random (default: 10), or a list such as 3,8,10-19
  --threads N             shards at a time (default: one for each core)
  --webgpu                on the graphics device instead of the processor, after it has passed its known answers
  --webgpu-module NAME    package that gives WebGPU to Node (default: webgpu)
  --input NAME=FILE       an input of the contract; may be given several times
  --blobs DIR             folder with inputs named by their SHA-256
  --json                  one JSON object instead of text
  -h, --help              this text

${PIN_USAGE}
Exit codes:
    0  the file is verified and every shard executed gives the accepted bytes
    1  a check of the file failed, or a shard or the result differs
    2  wrong options
    3  a file cannot be read, an input or the digests are missing
    4  this machine or this version of forge cannot execute the job
  130  stopped by Ctrl-C
`

const OPTIONS = {
  ...PIN_OPTIONS,
  shards: { type: 'string', default: '10' },
  threads: { type: 'string' },
  webgpu: { type: 'boolean', default: false },
  'webgpu-module': { type: 'string', default: 'webgpu' },
  input: { type: 'string', multiple: true },
  blobs: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** `forge replay`. @returns exit code */
export async function replayCommand(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await replay(argv, stopped.signal)
  } catch (error) {
    if (stopped.signal.aborted) {
      process.stderr.write('\nStopped.\n')
      return EXIT.stopped
    }
    if (error instanceof ForgeError && error.code === 'EXECUTOR_FAILED') {
      process.stderr.write(`${error.message}\n`)
      return EXIT.unable
    }
    return explain(error, HELP)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

async function replay(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseOptions(argv, OPTIONS)
  const file = oneFile(positionals)
  const files = namedFiles(values.input ?? [])
  const threads =
    values.threads === undefined
      ? Math.min(availableParallelism(), CLI_LIMITS.threads)
      : wholeNumber(values.threads, 'threads', 1, CLI_LIMITS.threads)
  const pins = await readPins(values)
  const report = await verifyEvidence(evidenceFile(file), pins, {
    verifySignature,
    ops: OPS,
  })
  const say = (text: string) => void (values.json ? undefined : process.stdout.write(text))
  say(`${reportText(file, report, notPinned(pins), painter(process.stdout))}\n`)
  const { bundle, digests, record } = report
  if (!report.verified || bundle === undefined || record === undefined) {
    if (values.json) process.stdout.write(`${JSON.stringify(replayJson(file, report, undefined), null, 2)}\n`)
    return EXIT.rejected
  }
  const job = jobOf(report)
  const shards = chooseShards(values.shards, record.shards.accepted, randomInt)
  if (digests === undefined && shards.length < record.shards.accepted)
    throw new ForgeError('INPUT_MISSING', 'the file was downloaded without the digests of its shards', {
      hint: 'Download it again without ?digests=no, or replay --shards all, which compares the whole.',
    })
  const inputs = await readOperands(job, files, values.blobs)
  const executors = values.webgpu
    ? [await openGpu(values['webgpu-module'], job)]
    : Array.from(
        { length: Math.min(threads, shards.length) },
        () => new ThreadedWasmExecutor(spawnNodeThread),
      )
  const progress = replayProgress(shards.length, executors.length, systemClock, process.stderr)
  try {
    const outcome = await replayShards(
      { job, record, inputs, shards, digests },
      executors,
      systemClock,
      (replayed, ms) => progress.done(replayed, ms),
      signal,
    )
    progress.end()
    say(outcomeText(outcome, record.shards.accepted, executors[0]?.label ?? ''))
    if (values.json) process.stdout.write(`${JSON.stringify(replayJson(file, report, outcome), null, 2)}\n`)
    return isEqual(outcome) ? EXIT.ok : EXIT.rejected
  } finally {
    await Promise.all(executors.map((executor) => executor.close()))
  }
}

/** @throws ForgeError EXECUTOR_FAILED when this version has not the kernel of the job */
function jobOf({ bundle, checks }: EvidenceReport): PreparedJob {
  const plan = checks.find(({ id }) => id === 'plan')
  if (bundle === undefined || plan?.state !== 'passed')
    throw new ForgeError('EXECUTOR_FAILED', plan?.detail ?? 'the file has no plan')
  return OPS.prepare(parseJsonStrict(bundle.contract))
}

/** @throws ForgeError EXECUTOR_FAILED when there is none, or it computes wrongly */
async function openGpu(module: string, job: PreparedJob): Promise<Executor> {
  const { gpu, reason } = await loadGpu(module)
  if (gpu === undefined) throw new ForgeError('EXECUTOR_FAILED', reason)
  const device = await WebGpuExecutor.open(gpu)
  const verified = new VerifiedExecutor(device, OPS, systemClock)
  try {
    await verified.verify(job.op)
  } catch (error) {
    await device.close()
    throw error
  }
  return verified
}

const isEqual = ({ different, whole }: ReplayOutcome): boolean =>
  different.length === 0 && whole?.equal !== false

function outcomeText(outcome: ReplayOutcome, accepted: number, label: string): string {
  const paint = painter(process.stdout)
  const { replayed, different, whole, ms } = outcome
  const named = different.slice(0, CLI_LIMITS.named_shards).join(', ')
  const lines = [
    different.length === 0
      ? `${paint('✓', 32)} ${replayed} of ${accepted} shards executed here (${label}, ${durationText(ms)}), none differs`
      : `${paint('✗', 31)} ${different.length} of ${replayed} shards executed here differ: ${named}${different.length > CLI_LIMITS.named_shards ? ', …' : ''}`,
  ]
  if (whole !== undefined)
    lines.push(
      whole.equal
        ? `${paint('✓', 32)} Folded here they give the result of the file, ${whole.result}`
        : `${paint('✗', 31)} Folded here they give ${whole.result ?? 'no result: by its looks the job does not stop there'}; their root is ${whole.root}`,
    )
  return `${lines.join('\n')}\n`
}

function replayJson(
  file: string,
  { verified, checks, record }: EvidenceReport,
  outcome: ReplayOutcome | undefined,
) {
  return {
    forge_replay: 1,
    file,
    verified,
    equal: outcome === undefined ? null : isEqual(outcome),
    rejected_by: checks.find(({ state }) => state === 'failed')?.id ?? null,
    replayed: outcome?.replayed ?? 0,
    of: record?.shards.accepted ?? null,
    different: outcome?.different ?? [],
    whole: outcome?.whole ?? null,
    ms: outcome === undefined ? null : Math.round(outcome.ms),
  }
}
