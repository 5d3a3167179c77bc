'use client'

import { useQuery } from '@tanstack/react-query'
import { agentStore } from '../../data/agent.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { plural } from '../../data/format.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { ClaimBrowser } from './claim-browser.tsx'
import { DeviceCard } from './device-card.tsx'

/** Connected and at work, their figures move. */
const REFRESH_MS = 15_000

export function Devices() {
  const trpc = useTRPC()
  const devices = useQuery({ ...trpc.devices.list.queryOptions(), refetchInterval: REFRESH_MS })
  const browser = useQuery({
    queryKey: ['this-browsers-agent'],
    // Null stands for none: a query may not give undefined.
    queryFn: async () => (await agentStore.agentId()) ?? null,
    retry: false,
  })
  const items = devices.data?.items ?? []
  const inUse = items.filter(({ revoked_at }) => revoked_at === null)
  const revoked = items.filter(({ revoked_at }) => revoked_at !== null)
  const here = browser.data ?? undefined
  return (
    <div className="mt-6 space-y-6">
      {devices.data !== undefined && here !== undefined && !items.some(({ id }) => id === here) ? (
        <ClaimBrowser agentId={here} />
      ) : null}
      {devices.isError ? (
        <Failure title="The devices could not be loaded" error={forgeErrorOf(devices.error)} />
      ) : null}
      {devices.data === undefined ? (
        devices.isError ? null : (
          <p role="status" className="working text-sm text-muted">
            Loading
          </p>
        )
      ) : inUse.length === 0 ? (
        <div className="rounded-sm border border-dashed border-edge px-6 py-14 text-center">
          <p className="font-medium">No device computes for you yet</p>
          <p className="mx-auto mt-1 max-w-sm text-sm text-muted">
            A device appears here when it has connected to the pool for your account.
          </p>
        </div>
      ) : (
        <ul aria-label="Devices" className="space-y-4">
          {inUse.map((device) => (
            <li key={device.id}>
              <DeviceCard device={device} isHere={device.id === here} />
            </li>
          ))}
        </ul>
      )}
      {revoked.length === 0 ? null : (
        <details>
          <summary className="text-sm text-muted">{plural(revoked.length, 'revoked device')}</summary>
          <ul aria-label="Revoked devices" className="mt-3 space-y-4">
            {revoked.map((device) => (
              <li key={device.id}>
                <DeviceCard device={device} isHere={device.id === here} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}
