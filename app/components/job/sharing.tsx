'use client'

import { useMutation } from '@tanstack/react-query'
import { Globe, Lock } from 'lucide-react'
import { useState } from 'react'
import { toast } from 'sonner'
import { forgeErrorOf } from '../../data/errors.ts'
import { useOrigin } from '../../data/origin.ts'
import { useTRPC } from '../../data/trpc.tsx'
import type { Job } from '../../data/views.ts'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { Panel } from '../ui/panel.tsx'

/** Who may see the job; its owner decides, and sends the link. */
export function SharingPanel({ job, onChanged }: { readonly job: Job; readonly onChanged: () => void }) {
  const trpc = useTRPC()
  const [asking, setAsking] = useState(false)
  const isPublic = job.visibility === 'public'
  const publish = useMutation(
    trpc.jobs.publish.mutationOptions({
      onSuccess: ({ visibility }) => {
        toast.success(visibility === 'public' ? 'The job is public.' : 'The job is private.')
        onChanged()
      },
      onError: (error) => {
        const { message, hint } = forgeErrorOf(error)
        toast.error(`Nothing was changed: ${message}`, hint === undefined ? {} : { description: hint })
      },
      onSettled: () => setAsking(false),
    }),
  )
  const Icon = isPublic ? Globe : Lock
  return (
    <Panel
      id="sharing"
      title="Sharing"
      aside={
        <Badge tone={isPublic ? 'info' : 'neutral'}>
          <Icon aria-hidden className="size-3.5" />
          {isPublic ? 'Public' : 'Private'}
        </Badge>
      }
    >
      <p className="text-sm text-muted">
        {isPublic
          ? 'Anybody can see this job, its contract, operands and result, and execute shards of it again in his own tab.'
          : 'Only you can see this job. Public, anybody with the link sees it and can execute shards of it again to check the result.'}
      </p>
      <div className="mt-4 flex flex-wrap gap-2">
        {isPublic ? (
          <>
            <CopyLink id={job.id} />
            <Button
              size="small"
              disabled={publish.isPending}
              onClick={() => publish.mutate({ id: job.id, visibility: 'private' })}
            >
              Make it private
            </Button>
          </>
        ) : (
          <Button size="small" onClick={() => setAsking(true)}>
            <Globe aria-hidden />
            Make it public
          </Button>
        )}
      </div>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        tone="primary"
        title="Make this job public?"
        confirm={publish.isPending ? 'Publishing…' : 'Make it public'}
        dismiss="Keep it private"
        busy={publish.isPending}
        onConfirm={() => publish.mutate({ id: job.id, visibility: 'public' })}
      >
        Its contract with all arguments, its operands and its result become readable by anybody, and it stands
        in the public list. You can make it private again; what others have copied stays with them.
      </Confirm>
    </Panel>
  )
}

function CopyLink({ id }: { readonly id: string }) {
  return <CopyButton text={`${useOrigin()}/jobs/${id}`} what="link to this job" label="Copy the link" />
}
