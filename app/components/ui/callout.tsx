import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from './class-names.ts'

const TONES = {
  info: { icon: Info, className: 'border-info/50 bg-info-wash', mark: 'text-info' },
  ok: { icon: CircleCheck, className: 'border-ok/50 bg-ok-wash', mark: 'text-ok' },
  warn: { icon: TriangleAlert, className: 'border-warn/50 bg-warn-wash', mark: 'text-warn' },
  bad: { icon: CircleAlert, className: 'border-bad/50 bg-bad-wash', mark: 'text-bad' },
} as const

interface CalloutProps {
  readonly tone: keyof typeof TONES
  readonly title: ReactNode
  readonly children?: ReactNode
  readonly className?: string
  /** `alert` interrupts a screen reader, `status` waits for a pause. */
  readonly role?: 'alert' | 'status'
}

export function Callout({ tone, title, children, className, role }: CalloutProps) {
  const { icon: Icon, className: toneClass, mark } = TONES[tone]
  return (
    <div role={role} className={cn('flex gap-3 rounded-sm border p-3 text-sm', toneClass, className)}>
      <Icon aria-hidden className={cn('mt-0.5 size-4 shrink-0', mark)} />
      <div className="min-w-0 flex-1">
        <p className="font-medium break-words">{title}</p>
        {children === undefined ? null : <div className="mt-1 break-words text-ink/85">{children}</div>}
      </div>
    </div>
  )
}
