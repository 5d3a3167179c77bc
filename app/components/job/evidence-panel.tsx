import { Download } from 'lucide-react'
import Link from 'next/link'
import type { JobView } from '../../../kernel/api.ts'
import { formatCount } from '../../data/format.ts'
import { buttonStyles } from '../ui/button.tsx'
import { linkStyles } from '../ui/link-styles.ts'
import { Panel } from '../ui/panel.tsx'

/** A record is appended seconds after a job has settled; of a job from before there was a ledger it never is. */
const RECORD_EXPECTED_MS = 5 * 60_000

/** Whether the job's place in the ledger may change soon. */
export function awaitsRecord({ state, record, finished_at }: JobView, now: number): boolean {
  if (state !== 'settled' || record?.published === true || finished_at === null) return false
  return now - Date.parse(finished_at) < RECORD_EXPECTED_MS
}

/** The file with which anybody checks this job without this site. */
export function EvidencePanel({ job: { id, record } }: { readonly job: JobView }) {
  return (
    <Panel id="evidence" title="Evidence" bodyClassName="space-y-4">
      <p role="status" className="text-sm">
        {record === null ? (
          'The record is not in the ledger yet. That takes some seconds; a job from before there was a ledger has none.'
        ) : (
          <>
            {record.published ? 'In the ' : 'Appended to the '}
            <Link href="/ledger" className={linkStyles}>
              public ledger
            </Link>{' '}
            as entry <span className="num">{formatCount(record.index)}</span>
            {record.published ? '.' : ', not covered by a checkpoint yet.'}
          </>
        )}
      </p>
      {record?.published === true ? (
        <>
          <p className="text-sm text-muted">
            One file with contract, result, digests, receipts and the proof that the record is in the ledger.
            Who has it needs neither this site nor a network to check it.
          </p>
          <div className="flex flex-wrap gap-2">
            <a href={`/api/v0/jobs/${id}/evidence`} download={`${id}.forge`} className={buttonStyles()}>
              <Download aria-hidden />
              Download .forge
            </a>
            <Link href={`/verify?job=${id}`} className={buttonStyles()}>
              Verify in this browser
            </Link>
          </div>
        </>
      ) : null}
    </Panel>
  )
}
