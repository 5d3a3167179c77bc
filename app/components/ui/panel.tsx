import type { ReactNode } from 'react'
import { cn } from './class-names.ts'

interface PanelProps {
  readonly title?: ReactNode
  /** Shown at the right end of the title line. */
  readonly aside?: ReactNode
  readonly children: ReactNode
  readonly className?: string
  readonly bodyClassName?: string
  readonly id?: string
}

/** A framed section with its name on the frame's upper edge. */
export function Panel({ title, aside, children, className, bodyClassName, id }: PanelProps) {
  const labelId = id === undefined ? undefined : `${id}-title`
  return (
    <section
      id={id}
      aria-labelledby={title === undefined ? undefined : labelId}
      className={cn('min-w-0 rounded-sm border border-line bg-panel', className)}
    >
      {title === undefined ? null : (
        <header className="flex min-h-11 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line px-4 py-2">
          <h2 id={labelId} className="text-sm font-semibold tracking-tight">
            {title}
          </h2>
          {aside === undefined ? null : <div className="text-xs text-muted">{aside}</div>}
        </header>
      )}
      <div className={cn('p-4', bodyClassName)}>{children}</div>
    </section>
  )
}

/** A figure with its name below, as on a meter. */
export function Reading({
  label,
  value,
  unit,
  note,
  className,
}: {
  readonly label: string
  readonly value: ReactNode
  readonly unit?: string | undefined
  readonly note?: ReactNode
  readonly className?: string
}) {
  return (
    <div className={cn('min-w-0', className)}>
      <dt className="text-xs text-muted">{label}</dt>
      <dd className="num mt-0.5 text-lg leading-tight font-medium break-words">
        {value}
        {unit === undefined ? null : (
          <span className="ml-1 inline-block text-xs font-normal whitespace-nowrap text-muted">{unit}</span>
        )}
      </dd>
      {note === undefined ? null : <dd className="mt-0.5 text-xs text-muted">{note}</dd>}
    </div>
  )
}
