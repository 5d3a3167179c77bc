import process from 'node:process'
import { ForgeError } from '../kernel/errors.ts'
import type { Pins } from '../kernel/evidence/pins.ts'
import { notPinned } from '../kernel/evidence/pins.ts'
import { type EvidenceReport, verifyEvidence } from '../kernel/evidence/verify.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { verifySignature } from './ed25519.ts'
import { evidenceFile } from './evidence-file.ts'
import { EXIT } from './exit-codes.ts'
import { CLI_LIMITS } from './limits.ts'
import { oneFile, parseOptions } from './options.ts'
import { PIN_OPTIONS, PIN_USAGE, readPins } from './pin-options.ts'
import { harmless, painter, reportText } from './terminal.ts'

const HELP = `Usage: forge verify FILE [options]

Checks an evidence file (.forge) from its bytes alone: no network, no server. It prints every check with ✓ passed,
✗ failed or – could not be made.

${PIN_USAGE}
  --json                  one JSON object instead of text
  -h, --help              this text

Files of up to ${CLI_LIMITS.evidence_bytes / 1024 / 1024} MiB are read; of the digests 32 bytes a shard are held in memory.

Exit codes:
  0  verified: no check failed
  1  rejected: a check failed
  2  wrong options
  3  a file cannot be read: it is missing, too large, or not UTF-8
`

/** `forge verify`. @returns exit code */
export async function verifyCommand(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  try {
    const { values, positionals } = parseOptions(argv, { ...PIN_OPTIONS, json: { type: 'boolean' } })
    const file = oneFile(positionals)
    const pins = await readPins(values)
    const report = await verifyEvidence(evidenceFile(file), pins, { verifySignature, ops: OPS })
    process.stdout.write(
      values.json
        ? `${JSON.stringify(reportJson(file, report, pins), null, 2)}\n`
        : reportText(file, report, notPinned(pins), painter(process.stdout)),
    )
    return report.verified ? EXIT.ok : EXIT.rejected
  } catch (error) {
    return explain(error, HELP)
  }
}

/** Says what went wrong before anything could be checked. @returns exit code. @throws what is a fault of this program */
export function explain(error: unknown, help: string): number {
  if (!(error instanceof ForgeError) || error.code === 'INTERNAL') throw error
  const isUsage = error.code === 'CONTRACT_INVALID'
  process.stderr.write(
    `${harmless(error.message)}${isUsage || error.hint === undefined ? '' : `. ${error.hint}`}\n`,
  )
  if (isUsage) process.stderr.write(`\n${help}`)
  return isUsage ? EXIT.usage : EXIT.unreadable
}

function reportJson(file: string, { verified, checks, record, corrected }: EvidenceReport, pins: Pins) {
  return {
    forge_verify: 1,
    file,
    verified,
    rejected_by: checks.find(({ state }) => state === 'failed')?.id ?? null,
    corrected,
    not_pinned: notPinned(pins),
    checks,
    record: record ?? null,
  }
}
