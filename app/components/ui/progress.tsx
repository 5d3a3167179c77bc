import { cn } from './class-names.ts'

interface ProgressProps {
  readonly label: string
  readonly value: number
  readonly max: number
  /** Reads like `312 of 1,024 shards`. */
  readonly text: string
  readonly className?: string
  readonly tone?: 'accent' | 'ok' | 'bad'
}

/**
 * A progress bar whose width is an SVG attribute: a style attribute in the server's HTML would be refused by a
 * Content-Security-Policy without `unsafe-inline`.
 */
export function Progress({ label, value, max, text, className, tone = 'accent' }: ProgressProps) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={Math.min(value, max)}
      aria-valuetext={text}
      className={cn('h-2 w-full overflow-hidden rounded-sm bg-sunken ring-1 ring-line', className)}
    >
      <svg aria-hidden="true" width="100%" height="100%" preserveAspectRatio="none" className="block">
        <rect
          x="0"
          y="0"
          width={`${share * 100}%`}
          height="100%"
          className={cn(
            'transition-[width] duration-300',
            tone === 'accent' && 'fill-accent',
            tone === 'ok' && 'fill-ok',
            tone === 'bad' && 'fill-bad',
          )}
        />
      </svg>
    </div>
  )
}
