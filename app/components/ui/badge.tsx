import { cva, type VariantProps } from 'class-variance-authority'
import type { ReactNode } from 'react'
import { cn } from './class-names.ts'

const badgeStyles = cva(
  'inline-flex items-center gap-1.5 rounded-sm border px-1.5 py-0.5 text-xs font-medium whitespace-nowrap',
  {
    variants: {
      tone: {
        neutral: 'border-line bg-sunken text-ink',
        ok: 'border-ok/40 bg-ok-wash text-ok',
        warn: 'border-warn/40 bg-warn-wash text-warn',
        bad: 'border-bad/40 bg-bad-wash text-bad',
        info: 'border-info/40 bg-info-wash text-info',
      },
    },
    defaultVariants: { tone: 'neutral' },
  },
)

export type BadgeTone = NonNullable<VariantProps<typeof badgeStyles>['tone']>

export function Badge({
  tone,
  children,
  className,
}: {
  readonly tone?: BadgeTone
  readonly children: ReactNode
  readonly className?: string
}) {
  return <span className={cn(badgeStyles({ tone }), className)}>{children}</span>
}
