import { WifiOff } from 'lucide-react'
import type { LiveStatus } from '../data/live-room.ts'

/** Says that the numbers on this page stand still, and that nobody has to do anything about it. */
export function OfflineBanner({ status }: { readonly status: LiveStatus }) {
  return (
    <div role="status" aria-live="polite">
      {status === 'offline' ? (
        <p className="mb-4 flex items-center gap-3 rounded-sm border border-warn/50 bg-warn-wash px-3 py-2 text-sm">
          <WifiOff aria-hidden className="size-4 shrink-0 text-warn" />
          <span>
            <strong className="font-medium">Not connected.</strong> What you see is the last state received;
            this page reconnects by itself.
          </span>
        </p>
      ) : null}
    </div>
  )
}

/** A small lamp for a page's live connection. */
export function LiveLamp({ status }: { readonly status: LiveStatus }) {
  const text = { live: 'Live', connecting: 'Connecting', offline: 'Not connected' }[status]
  const tone = { live: 'bg-ok', connecting: 'bg-warn working', offline: 'bg-bad' }[status]
  return (
    <span className="inline-flex items-center gap-1.5 text-xs text-muted">
      <span aria-hidden className={`size-2 rounded-full ${tone}`} />
      {text}
    </span>
  )
}
