import { Check, Minus, X } from 'lucide-react'
import type { Check as EvidenceCheck } from '../../../kernel/evidence/checklist.ts'
import { cn } from '../ui/class-names.ts'
import { EXPLANATIONS } from './explanations.ts'

const STATES = {
  passed: { icon: Check, says: 'passed', className: 'text-ok' },
  failed: { icon: X, says: 'failed', className: 'text-bad' },
  skipped: { icon: Minus, says: 'not checked', className: 'text-warn' },
} as const

export function ChecklistRows({ checks }: { readonly checks: readonly EvidenceCheck[] }) {
  return (
    <ol aria-label="Checks" className="divide-y divide-line">
      {checks.map(({ id, title, state, detail }) => {
        const { icon: Icon, says, className } = STATES[state]
        return (
          <li key={id} className="flex gap-3 px-4 py-3">
            <Icon aria-hidden className={cn('mt-0.5 size-4 shrink-0', className)} />
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap justify-between gap-x-3 text-sm font-medium">
                <span className="min-w-0">{title}</span>
                <span className={cn('text-xs', className)}>{says}</span>
              </p>
              <p className="mt-0.5 text-xs text-muted">{EXPLANATIONS[id]}</p>
              <p
                className={cn(
                  'mt-1 text-xs break-words',
                  state === 'failed' ? 'font-medium text-bad' : 'num',
                )}
              >
                {detail}
              </p>
            </div>
          </li>
        )
      })}
    </ol>
  )
}
