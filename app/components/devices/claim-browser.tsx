'use client'

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { toast } from 'sonner'
import { ForgeError } from '../../../kernel/errors.ts'
import { agentStore } from '../../data/agent.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { plural } from '../../data/format.ts'
import { useTRPC, useTRPCClient } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'

/** This browser has a key that is not the account's: its work can be claimed by proving that the key is here. */
export function ClaimBrowser({ agentId }: { readonly agentId: string }) {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const queries = useQueryClient()
  const claim = useMutation({
    mutationFn: async () => {
      const challenge = await api.devices.claimChallenge.mutate()
      const proof = await agentStore.claim(challenge)
      if (proof === undefined) {
        throw new ForgeError('NOT_FOUND', 'this browser has no key any more', {
          hint: 'Contribute with it once; it then counts for your account at once.',
        })
      }
      return await api.devices.claim.mutate(proof)
    },
    onSuccess: ({ credits }) => {
      toast.success(
        credits === 0
          ? 'This browser is yours now.'
          : `This browser is yours now, with ${plural(credits, 'credit')}.`,
      )
      void queries.invalidateQueries({ queryKey: trpc.devices.list.queryKey() })
      void queries.invalidateQueries({ queryKey: trpc.credits.pathKey() })
    },
  })
  return (
    <Callout tone="info" title="This browser has computed without an account">
      <p>
        What it did while nobody was signed in counts for its network until you claim it. The browser then
        signs a challenge with its own key (<code className="num">{agentId.slice(0, 8)}</code>), and the
        device and its credits become yours.
      </p>
      <Button className="mt-3" disabled={claim.isPending} onClick={() => claim.mutate()}>
        {claim.isPending ? 'Claiming…' : 'Claim this browser’s work'}
      </Button>
      {claim.isError ? (
        <Failure className="mt-3" title="It was not claimed" error={claimError(claim.error)} />
      ) : null}
    </Callout>
  )
}

/** Somebody else's device and an unknown one get the same answer. */
function claimError(thrown: unknown) {
  const error = forgeErrorOf(thrown)
  return error.code === 'NOT_FOUND' && error.hint === undefined
    ? { ...error, hint: 'The hub has never seen this browser’s key, or it belongs to another account.' }
    : error
}
