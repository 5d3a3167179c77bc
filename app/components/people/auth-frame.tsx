import type { ReactNode } from 'react'

/** A form of its own page: heading, what it is for, the form, and the ways on below it. */
export function AuthFrame({
  title,
  lead,
  children,
  below,
}: {
  readonly title: string
  readonly lead?: ReactNode
  readonly children: ReactNode
  readonly below?: ReactNode
}) {
  return (
    <div className="mx-auto max-w-md">
      <h1 className="text-3xl font-semibold tracking-tight">{title}</h1>
      {lead === undefined ? null : <div className="mt-2 text-muted">{lead}</div>}
      <div className="mt-6 rounded-sm border border-line bg-panel p-4 sm:p-6">{children}</div>
      {below === undefined ? null : <div className="mt-4 space-y-2 text-sm text-muted">{below}</div>}
    </div>
  )
}
