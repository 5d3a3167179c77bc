import { useMutation } from '@tanstack/react-query'
import { toast } from 'sonner'
import type { JobView, JobWaiting } from '../../../kernel/api.ts'
import { CAUSES, type Cause } from '../../../kernel/causes.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, plural } from '../../data/format.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Choice } from '../ui/choice.tsx'

const PRIORITIES = [
  { value: 'low', label: 'low' },
  { value: 'normal', label: 'normal' },
  { value: 'high', label: 'high' },
] as const

interface SteeringProps {
  readonly job: Pick<JobView, 'id' | 'paused' | 'priority'>
  readonly onChanged: () => void
}

function refused(error: unknown): void {
  const { message, hint } = forgeErrorOf(error)
  toast.error(`Not changed: ${message}`, hint === undefined ? {} : { description: hint })
}

/** Its owner lets a job rest, and go on. */
export function PauseJob({ job: { id, paused }, onChanged }: SteeringProps) {
  const trpc = useTRPC()
  const pause = useMutation(trpc.jobs.pause.mutationOptions({ onSuccess: onChanged, onError: refused }))
  const resume = useMutation(trpc.jobs.resume.mutationOptions({ onSuccess: onChanged, onError: refused }))
  return (
    <Button
      disabled={pause.isPending || resume.isPending}
      onClick={() => (paused ? resume : pause).mutate({ id })}
    >
      {paused ? 'Resume job' : 'Pause job'}
    </Button>
  )
}

/** How much of its owner's part of the network a job gets. */
export function PriorityChoice({ job: { id, priority }, onChanged }: SteeringProps) {
  const trpc = useTRPC()
  const prioritise = useMutation(
    trpc.jobs.prioritise.mutationOptions({ onSuccess: onChanged, onError: refused }),
  )
  return (
    <Choice
      className="mt-4 border-t border-line pt-4"
      label="Priority among your jobs"
      value={priority}
      options={PRIORITIES}
      disabled={prioritise.isPending}
      onChange={(value) => prioritise.mutate({ id, priority: value })}
    />
  )
}

/** Why no agent works for the job now. */
export function WaitingNote({ waiting }: { readonly waiting: JobWaiting | null }) {
  if (waiting === null) return null
  const { title, text } = wordsOf(waiting)
  return (
    <Callout className="mt-4" tone={waiting.t === 'paused' ? 'info' : 'warn'} title={title}>
      {text}
    </Callout>
  )
}

function wordsOf(waiting: JobWaiting): { readonly title: string; readonly text: string } {
  switch (waiting.t) {
    case 'paused':
      return {
        title: 'Paused',
        text: 'No new shards are given out. What is under way finishes, and the time limit goes on.',
      }
    case 'nobody': {
      const title = CAUSES[waiting.cause as Cause]?.title ?? waiting.cause
      const mebibytes = waiting.memory_bytes / 2 ** 20
      const kind = waiting.target === 'any' ? 'agent' : waiting.target === 'gpu' ? 'GPU' : 'CPU'
      return {
        title: 'No connected agent can do this job',
        text: `It needs ${kind === 'agent' ? 'an agent' : `a ${kind}`} whose contributor takes work of “${title}” and that holds ${formatCount(mebibytes)} MiB in one piece. It begins when one connects.`,
      }
    }
    case 'few':
      return {
        title: 'Waiting for more agents',
        text: `${plural(waiting.connected, 'fitting agent')} of the ${formatCount(waiting.wanted)} that its policy asks for ${waiting.connected === 1 ? 'is' : 'are'} connected.`,
      }
    case 'unreadable':
      return {
        title: 'Waiting for the server’s storage',
        text: `What is stored of this job cannot be read now${waiting.reason === undefined ? '' : ` (${waiting.reason})`}. The server tries again by itself.`,
      }
    default:
      return waiting satisfies never
  }
}
