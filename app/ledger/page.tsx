import type { Metadata } from 'next'
import Link from 'next/link'
import { CopyButton } from '../components/ui/copy-button.tsx'
import { linkStyles } from '../components/ui/link-styles.ts'
import { Panel, Reading } from '../components/ui/panel.tsx'
import { formatCount, formatDate } from '../data/format.ts'
import { serverApi } from '../data/server-api.ts'

export const metadata: Metadata = { title: 'Public ledger' }

/** The ledger as it stands now. */
export default async function Page() {
  const { origin, vkey, size, checkpoint, witnesses, entries } = await (await serverApi()).ledger.get.query()
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Public ledger</h1>
      <p className="mt-2 max-w-2xl text-muted">
        Every executed job leaves one entry, the hash of its signed record; a later one says what was found
        wrong of it. Entries are only ever appended: whoever keeps a checkpoint can prove it. A record itself
        is seen by who may see the job.{' '}
        <Link href="/verify" className={linkStyles}>
          Verify evidence
        </Link>
      </p>
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-2">
        <Panel id="log" title="Log" bodyClassName="space-y-4">
          <dl className="grid gap-4 sm:grid-cols-2">
            <Reading label="Entries" value={formatCount(size)} />
            <Reading label="Origin" value={<span className="text-sm break-all">{origin}</span>} />
          </dl>
          <Text label="Key" text={vkey} />
        </Panel>
        <Panel id="witnesses" title="Witnesses">
          {witnesses.length === 0 ? (
            <p className="text-sm text-muted">
              This ledger names no witnesses. Anybody can be one:{' '}
              <code className="num">forge witness --help</code>.
            </p>
          ) : (
            <ul className="space-y-4">
              {witnesses.map(({ name, vkey: key, cosigned_at }) => (
                <li key={name}>
                  <p className="text-sm font-medium break-all">{name}</p>
                  <p className="text-sm text-muted">
                    {cosigned_at === null ? (
                      'has not cosigned the newest checkpoint'
                    ) : (
                      <>
                        cosigned the newest checkpoint{' '}
                        <time dateTime={cosigned_at}>{formatDate(cosigned_at)}</time>
                      </>
                    )}
                  </p>
                  <Text label="Key" text={key} />
                </li>
              ))}
            </ul>
          )}
        </Panel>
        <Panel
          id="checkpoint"
          title="Newest checkpoint"
          aside={
            checkpoint === null ? undefined : <CopyButton text={checkpoint} what="checkpoint" label="Copy" />
          }
        >
          {checkpoint === null ? (
            <p className="text-sm text-muted">The ledger is empty. It begins with the first settled job.</p>
          ) : (
            <>
              <p className="num text-xs leading-5 break-all whitespace-pre-wrap">{checkpoint}</p>
              <p className="mt-3 text-xs text-muted">
                Keep it: with <code className="num">--checkpoint</code>, or on the page above, it shows later
                that the ledger did not change its past.
              </p>
            </>
          )}
        </Panel>
        <Panel id="entries" title="Newest entries" bodyClassName="p-0">
          {entries.length === 0 ? (
            <p className="p-4 text-sm text-muted">None yet.</p>
          ) : (
            <ol reversed aria-label="Newest entries" className="divide-y divide-line">
              {entries.map(({ index, hash, corrects }) => (
                <li key={index} className="flex gap-4 px-4 py-2 text-xs">
                  <span className="num shrink-0 text-muted">{formatCount(index)}</span>
                  <span className="min-w-0">
                    <span className="num break-all">{hash}</span>
                    {corrects === null ? null : (
                      <span className="block text-bad">corrects entry {formatCount(corrects)}</span>
                    )}
                  </span>
                </li>
              ))}
            </ol>
          )}
        </Panel>
      </div>
    </div>
  )
}

function Text({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div className="flex items-start justify-between gap-2">
      <div className="min-w-0">
        <p className="text-xs text-muted">{label}</p>
        <p className="num mt-0.5 text-xs leading-5 break-all">{text}</p>
      </div>
      <CopyButton text={text} what={label.toLowerCase()} />
    </div>
  )
}
