import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { toBase64 } from '../../../kernel/base64.ts'
import type { Pins } from '../../../kernel/evidence/pins.ts'
import { formatVkey } from '../../../kernel/ledger/signed-note.ts'

/** Runs verify.py on many files in one process. */

const PYTHON = 'python3'

export function hasPython(): boolean {
  return spawnSync(PYTHON, ['--version'], { stdio: 'ignore' }).status === 0
}

const report = z.object({
  verified: z.boolean(),
  checks: z.array(
    z.object({ id: z.string(), state: z.enum(['passed', 'failed', 'skipped']), detail: z.string() }),
  ),
})
export type SecondReport = z.infer<typeof report>

export interface Request {
  readonly file: string | Uint8Array
  readonly pins: Pins
}

/** The command-line arguments that say the same as `pins`. */
function argumentsOf({ hubKey, logKey, witnesses, checkpoint }: Pins): string[] {
  return [
    ...(hubKey === undefined ? [] : ['--hub-key', toBase64(hubKey)]),
    ...(logKey === undefined ? [] : ['--log-key', formatVkey(logKey)]),
    ...(witnesses?.keys ?? []).flatMap((key) => ['--witness', formatVkey(key)]),
    ...(witnesses === undefined ? [] : ['--witnesses-needed', String(witnesses.needed)]),
    ...(checkpoint === undefined ? [] : ['--checkpoint', checkpoint]),
  ]
}

/** A report for each request, in their order. */
export async function verifySecondly(requests: readonly Request[]): Promise<SecondReport[]> {
  const child = spawn(PYTHON, ['-B', fileURLToPath(new URL('batch.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  // A child that crashed closes its input: its exit status tells.
  child.stdin.on('error', () => undefined)
  for (const { file, pins } of requests) {
    const line = { file: Buffer.from(file).toString('base64'), arguments: argumentsOf(pins) }
    child.stdin.write(`${JSON.stringify(line)}\n`)
  }
  child.stdin.end()
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (status !== 0) throw new Error(`verify.py ended with ${String(status)}: ${Buffer.concat(errors)}`)
  const lines = Buffer.concat(out).toString().trimEnd().split('\n')
  return lines.map((line) => report.parse(JSON.parse(line)))
}
