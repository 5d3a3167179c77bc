import { Ban, CircleAlert, CircleCheck, CircleDashed, Clock, LoaderCircle, ShieldCheck } from 'lucide-react'
import type { JobState } from '../../kernel/api.ts'
import { Badge, type BadgeTone } from './ui/badge.tsx'

export const JOB_STATE_TEXT: Readonly<
  Record<JobState, { label: string; tone: BadgeTone; icon: typeof Clock; says: string }>
> = {
  submitted: {
    label: 'Submitted',
    tone: 'neutral',
    icon: CircleDashed,
    says: 'Stored; waiting to be planned.',
  },
  planned: {
    label: 'Planned',
    tone: 'neutral',
    icon: CircleDashed,
    says: 'Cut into shards; waiting for agents.',
  },
  running: { label: 'Running', tone: 'info', icon: LoaderCircle, says: 'Agents are computing shards.' },
  verifying: {
    label: 'Verifying',
    tone: 'info',
    icon: ShieldCheck,
    says: 'All shards are in; copies are being compared.',
  },
  settled: {
    label: 'Settled',
    tone: 'ok',
    icon: CircleCheck,
    says: 'Every shard is accepted; the result is final.',
  },
  failed: { label: 'Failed', tone: 'bad', icon: CircleAlert, says: 'The job ended without a result.' },
  cancelled: { label: 'Cancelled', tone: 'warn', icon: Ban, says: 'The job was cancelled before its end.' },
  expired: { label: 'Expired', tone: 'warn', icon: Clock, says: 'The time its contract allows ran out.' },
}

export function JobStateBadge({ state }: { readonly state: JobState }) {
  const { label, tone, icon: Icon } = JOB_STATE_TEXT[state]
  return (
    <Badge tone={tone}>
      <Icon aria-hidden className="size-3.5" />
      {label}
    </Badge>
  )
}
