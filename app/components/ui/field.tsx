import type { ComponentProps, ReactNode } from 'react'
import { cn } from './class-names.ts'

export const inputStyles =
  'h-10 w-full min-w-0 rounded-sm border border-edge bg-panel px-3 text-sm text-ink placeholder:text-muted disabled:opacity-50 aria-invalid:border-bad aria-invalid:outline-bad'

interface FieldProps {
  readonly id: string
  readonly label: ReactNode
  readonly help?: ReactNode
  readonly error?: string | undefined
  readonly children: ReactNode
  readonly className?: string | undefined
}

/** The ids that tie a control to its help and its error; give them to `aria-describedby`. */
export function describedBy(id: string, help: unknown, error: unknown): string | undefined {
  const ids = [...(help === undefined ? [] : [`${id}-help`]), ...(error === undefined ? [] : [`${id}-error`])]
  return ids.length === 0 ? undefined : ids.join(' ')
}

/** Label, control, help and error of one field. The control itself carries `id` and `aria-describedby`. */
export function Field({ id, label, help, error, children, className }: FieldProps) {
  return (
    <div className={cn('min-w-0', className)}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children}
      {error === undefined ? null : (
        <p id={`${id}-error`} role="alert" className="mt-1 text-xs font-medium break-words text-bad">
          {error}
        </p>
      )}
      {help === undefined ? null : (
        <p id={`${id}-help`} className="mt-1 text-xs text-muted">
          {help}
        </p>
      )}
    </div>
  )
}

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input className={cn(inputStyles, className)} {...rest} />
}

export function Textarea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea className={cn(inputStyles, 'num h-auto py-2 leading-relaxed', className)} {...rest} />
}

/** The platform's own select: the best one there is on a phone and with a screen reader. */
export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return <select className={cn(inputStyles, 'pr-8', className)} {...rest} />
}
