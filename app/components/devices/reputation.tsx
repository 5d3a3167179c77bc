'use client'

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { toast } from 'sonner'
import type { DeviceView } from '../../../kernel/api/devices.ts'
import { checksForSingle } from '../../../kernel/verification/credibility.ts'
import { SABOTEUR_FRACTION } from '../../../kernel/verification/policy.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, formatDate, plural } from '../../data/format.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'

type Trust = DeviceView['trust'][number]

const NAMES = { webgpu: 'WebGPU', wasm: 'WASM', cpu: 'CPU' } as const
/** At the usual error of adaptive verification. */
const ALONE = checksForSingle(1e-4, SABOTEUR_FRACTION, true)

/** What the pool's checks have found of the device, why it is refused if it is, and what its owner can do. */
export function Reputation({ device, name }: { readonly device: DeviceView; readonly name: string }) {
  if (device.trust.length === 0) return null
  return (
    <div className="border-t border-line p-4">
      <h3 className="text-xs font-medium">Reputation</h3>
      <ul className="mt-2 space-y-3 text-sm">
        {device.trust.map((trust) => (
          <li key={trust.executor}>
            <p className="flex flex-wrap items-center gap-2">
              <span className="font-medium">{NAMES[trust.executor]}</span>
              <StateBadge trust={trust} />
              <span className="num text-xs text-muted">
                {plural(trust.valid, 'checked result')} right, {formatCount(trust.invalid)} wrong
              </span>
            </p>
            <p className="mt-1 text-xs text-muted">{explanation(trust)}</p>
            {trust.may_appeal ? <Appeal device={device} name={name} executor={trust.executor} /> : null}
          </li>
        ))}
      </ul>
      {device.incidents.length === 0 ? null : (
        <details className="mt-3">
          <summary className="text-xs text-muted">{plural(device.incidents.length, 'wrong result')}</summary>
          <ul className="mt-1 space-y-1 text-xs">
            {device.incidents.map((incident) => (
              <li key={`${incident.at} ${incident.reason}`} className="break-words">
                {formatDate(incident.at)}, {NAMES[incident.executor]}: {incident.reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}

function StateBadge({ trust }: { readonly trust: Trust }) {
  if (trust.state === 'quarantined') return <Badge tone="bad">In quarantine</Badge>
  if (trust.state === 'probation') return <Badge tone="warn">On probation</Badge>
  return trust.checks >= ALONE ? <Badge tone="ok">Trusted alone</Badge> : <Badge>Checked by others</Badge>
}

function explanation({ state, checks, probation, quarantined_until }: Trust): string {
  if (state === 'quarantined') {
    return quarantined_until === null
      ? 'Its quarantine is over: with its next start and a test that it passes it is let in again, on probation.'
      : `A result of it was wrong, so it gets no work until ${formatDate(quarantined_until)}. What it did alone in unfinished jobs is checked again.`
  }
  if (state === 'probation')
    return `It was wrong before: everything it computes is checked by others, and one lease in ten asks for what is known, until ${plural(probation, 'more result')} were right.`
  return checks >= ALONE
    ? `${formatCount(checks)} right in a row: under adaptive verification it works alone, one result in twenty is audited, and one lease in a hundred asks for what is known.`
    : `${formatCount(checks)} right in a row; from ${formatCount(ALONE)} on it works alone under adaptive verification.`
}

function Appeal({
  device,
  name,
  executor,
}: {
  readonly device: DeviceView
  readonly name: string
  readonly executor: Trust['executor']
}) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const appeal = useMutation(
    trpc.devices.appeal.mutationOptions({
      onSuccess: () => {
        toast.success(`“${name}” may start again, on probation.`)
        void queries.invalidateQueries({ queryKey: trpc.devices.list.queryKey() })
      },
      onError: (error) => {
        const { message, hint } = forgeErrorOf(error)
        toast.error(`Not let in: ${message}`, hint === undefined ? {} : { description: hint })
      },
    }),
  )
  return (
    <div className="mt-2">
      <Button
        size="small"
        aria-label={`${name} is mended`}
        disabled={appeal.isPending}
        onClick={() => appeal.mutate({ id: device.id, executor })}
      >
        It is mended
      </Button>
      <p className="mt-1 text-xs text-muted">
        Ends the quarantine now, once a day, for twice the probation. It must pass the known answers when it
        starts.
      </p>
    </div>
  )
}
