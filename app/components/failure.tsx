import type { ReactNode } from 'react'
import type { ForgeErrorJson } from '../../kernel/errors.ts'
import { Callout } from './ui/callout.tsx'

/** An error as people need it: what happened, where, what to do, and its code for a bug report. */
export function Failure({
  error,
  title,
  children,
  className,
}: {
  readonly error: ForgeErrorJson
  /** What failed, as in "The job was not submitted". */
  readonly title: string
  readonly children?: ReactNode
  readonly className?: string
}) {
  return (
    <Callout tone="bad" role="alert" title={title} {...(className === undefined ? {} : { className })}>
      <p>
        {error.message}
        {/[.!?]$/.test(error.message) ? '' : '.'}
      </p>
      {error.hint === undefined ? null : <p className="mt-1">{error.hint}</p>}
      <p className="num mt-2 text-xs text-muted">
        {error.code}
        {error.path === undefined || error.path === '' ? '' : ` at ${error.path}`}
        {error.retryable ? ' · may work if you try again' : ''}
      </p>
      {children === undefined ? null : <div className="mt-3">{children}</div>}
    </Callout>
  )
}
