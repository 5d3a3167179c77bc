'use client'

import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { toast } from 'sonner'
import { agentStore } from '../../data/agent.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'

/** Gives this browser's agent another key. @param isRevoked the present one hands nothing on */
export function NewKey({ name, isRevoked }: { readonly name: string; readonly isRevoked: boolean }) {
  const [asking, setAsking] = useState(false)
  const rotate = useMutation({
    mutationFn: () => agentStore.rotateKey(),
    onSuccess: () => toast.success('This browser has a new key. It counts from the next start.'),
    onError: (error) => toast.error(`No new key: ${forgeErrorOf(error).message}`),
    onSettled: () => setAsking(false),
  })
  return (
    <>
      <Button size="small" aria-label={`New key for ${name}`} onClick={() => setAsking(true)}>
        New key
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`A new key for “${name}”?`}
        confirm="Make a new key"
        dismiss="Keep the key"
        busy={rotate.isPending}
        onConfirm={() => rotate.mutate()}
      >
        {isRevoked
          ? 'The key of this browser is revoked. With a new one it starts again as a device that nothing is known of.'
          : 'When this browser next starts to compute, the new key takes the place of the old one with its name and reputation. The old one is refused from then on.'}
      </Confirm>
    </>
  )
}
