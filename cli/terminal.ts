import process from 'node:process'
import type { Check } from '../kernel/evidence/checklist.ts'
import type { EvidenceReport } from '../kernel/evidence/verify.ts'

const MARKS: Readonly<Record<Check['state'], { readonly mark: string; readonly colour: number }>> = {
  passed: { mark: '✓', colour: 32 },
  failed: { mark: '✗', colour: 31 },
  skipped: { mark: '–', colour: 33 },
}

export type Paint = (text: string, colour: number) => string

/** Colour only where somebody looks, and did not ask for none (https://no-color.org). */
export function painter(stream: { readonly isTTY?: boolean }): Paint {
  const isColoured = stream.isTTY === true && !process.env.NO_COLOR
  return (text, colour) => (isColoured ? `\u001b[${colour}m${text}\u001b[39m` : text)
}

/** Text of a file that nobody vouches for: control characters could write anything on a terminal. */
export function harmless(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** The checks, and what the verdict rests on. @param unpinned as `notPinned` says */
export function reportText(
  file: string,
  { checks, record, verified }: EvidenceReport,
  unpinned: readonly string[],
  paint: Paint,
): string {
  const lines = [
    record === undefined
      ? harmless(file)
      : harmless(
          `${file}: job ${record.job_id}, ${record.op}, ${record.shards.accepted} shards, settled ${record.settled_at}`,
        ),
    '',
  ]
  for (const { state, title, detail } of checks) {
    const { mark, colour } = MARKS[state]
    lines.push(
      `${paint(mark, colour)} ${title}`,
      `    ${state === 'skipped' ? 'not checked: ' : ''}${harmless(detail)}`,
    )
  }
  const failed = checks.find(({ state }) => state === 'failed')
  const skipped = checks.filter(({ state }) => state === 'skipped').length
  lines.push(
    '',
    verified
      ? `${paint('Verified', 32)}: ${checks.length - skipped} checks passed${skipped === 0 ? '' : `, ${skipped} could not be made`}.`
      : `${paint('Rejected', 31)} by the check "${failed?.id}".`,
  )
  if (verified && unpinned.length > 0)
    lines.push(
      `Not pinned: ${unpinned.join(', ')}. There the file speaks for itself: bring what you know from elsewhere (--help).`,
    )
  return `${lines.join('\n')}\n`
}
