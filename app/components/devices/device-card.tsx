'use client'

import { useState } from 'react'
import type { DeviceView } from '../../../kernel/api/devices.ts'
import { CAUSES, type Cause } from '../../../kernel/causes.ts'
import { formatCount, formatDate, formatNumber } from '../../data/format.ts'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { Reading } from '../ui/panel.tsx'
import { RenameForm, RevokeDevice } from './device-actions.tsx'
import { NewKey } from './new-key.tsx'
import { Reputation } from './reputation.tsx'

const KINDS = { webgpu: 'WebGPU', wasm: 'WASM', cpu: 'CPU' } as const

export function deviceName(device: DeviceView): string {
  return device.name ?? device.executors[0]?.label ?? `Device ${device.id.slice(0, 8)}`
}

/** One key: how it is, what it did, on what, and how that was tested. */
export function DeviceCard({ device, isHere }: { readonly device: DeviceView; readonly isHere: boolean }) {
  const [renaming, setRenaming] = useState(false)
  const name = deviceName(device)
  const labelId = `device-${device.id.slice(0, 16)}`
  return (
    <section aria-labelledby={labelId} className="min-w-0 rounded-sm border border-line bg-panel">
      <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 border-b border-line p-4">
        <div className="min-w-0">
          <h2 id={labelId} className="font-semibold tracking-tight break-words">
            {name}
          </h2>
          <p className="mt-1 flex flex-wrap items-center gap-2">
            {device.revoked_at !== null ? (
              <Badge tone="bad">Revoked</Badge>
            ) : device.connected ? (
              <Badge tone="ok">Connected</Badge>
            ) : (
              <Badge>Not connected</Badge>
            )}
            {isHere ? <Badge tone="info">This browser</Badge> : null}
          </p>
          {device.causes === null ? null : (
            <p className="mt-1 text-xs text-muted">Takes {causesText(device.causes)} only</p>
          )}
        </div>
        {renaming ? null : (
          <div className="flex flex-wrap gap-2">
            {isHere ? <NewKey name={name} isRevoked={device.revoked_at !== null} /> : null}
            {device.revoked_at === null ? (
              <>
                <Button size="small" aria-label={`Rename ${name}`} onClick={() => setRenaming(true)}>
                  Rename
                </Button>
                <RevokeDevice device={device} name={name} />
              </>
            ) : null}
          </div>
        )}
        {renaming ? <RenameForm device={device} onDone={() => setRenaming(false)} /> : null}
      </header>
      <dl className="grid grid-cols-2 gap-4 p-4 sm:grid-cols-4">
        <Reading label="Accepted shards" value={formatCount(device.shards)} />
        <Reading label="Leases" value={formatCount(device.leases)} />
        <Reading label="Credits earned" value={device.credits === null ? '–' : formatCount(device.credits)} />
        <Reading
          label={device.revoked_at === null ? 'Last seen' : 'Revoked'}
          value={<span className="text-sm">{formatDate(device.revoked_at ?? device.last_seen)}</span>}
        />
      </dl>
      <Reputation device={device} name={name} />
      <details className="border-t border-line">
        <summary className="px-4 py-3 text-sm">Executors, probe and ops</summary>
        <div className="grid gap-x-8 gap-y-5 border-t border-line p-4 md:grid-cols-2">
          <Executors device={device} />
          <Ops device={device} />
          <dl className="text-xs text-muted md:col-span-2">
            <dt className="font-medium text-ink">Key</dt>
            <dd className="num break-all">{device.id}</dd>
            <dd className="mt-1">
              first seen {formatDate(device.first_seen)}, software {device.software}
            </dd>
          </dl>
        </div>
      </details>
    </section>
  )
}

function causesText(causes: readonly string[]): string {
  return causes.map((cause) => CAUSES[cause as Cause]?.title ?? cause).join(', ')
}

function Executors({ device }: { readonly device: DeviceView }) {
  return (
    <div>
      <h3 className="text-xs font-medium">Executors</h3>
      {device.executors.length === 0 ? (
        <p className="mt-2 text-sm text-muted">It has not told of any yet.</p>
      ) : (
        <ul className="mt-2 space-y-3 text-sm">
          {device.executors.map((executor) => (
            <li key={`${executor.executor} ${executor.label}`}>
              <p className="break-words">
                <span className="font-medium">{KINDS[executor.executor]}</span>{' '}
                <span className="text-muted">{executor.label}</span>
              </p>
              <p className="num text-xs text-muted">
                {formatCount(executor.shards)} shards, {formatCount(executor.leases)} leases
                {executor.last_seen === null ? ', never used' : `, last ${formatDate(executor.last_seen)}`}
              </p>
              <Probe probe={executor.probe} />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** The device's own word about the test it made of itself; the pool's verification does not rest on it. */
function Probe({ probe }: { readonly probe: DeviceView['executors'][number]['probe'] }) {
  if (probe === null) return null
  const tests = [...probe.checks.map(({ ok }) => ok), ...probe.golden.map(({ ok }) => ok)]
  const passed = tests.filter(Boolean).length
  return (
    <div className="mt-1 text-xs">
      <p className={probe.ok ? 'text-ok' : 'text-bad'}>
        {probe.ok ? 'Computes correctly' : 'Not used'}
        {tests.length === 0 ? '' : `: ${passed} of ${tests.length} known answers right`}
        {probe.speed === undefined ? '' : `, ${formatNumber(Math.round(probe.speed))} work units/s`}
      </p>
      {probe.reason === undefined ? null : <p className="mt-0.5 break-words text-muted">{probe.reason}</p>}
      {probe.checks.length === 0 ? null : (
        <details className="mt-1">
          <summary className="text-muted">Known answers</summary>
          <ul className="mt-1 space-y-0.5">
            {probe.checks.map(({ name, ok, detail }) => (
              <li key={name} className="break-words">
                <span className={ok ? 'text-ok' : 'text-bad'}>{ok ? 'right' : 'wrong'}</span> {name}
                {detail === undefined ? null : <span className="text-muted">, {detail}</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}

function Ops({ device }: { readonly device: DeviceView }) {
  return (
    <div>
      <h3 className="text-xs font-medium">What it ran</h3>
      {device.ops.length === 0 ? (
        <p className="mt-2 text-sm text-muted">No shard of it has been accepted yet.</p>
      ) : (
        <dl className="mt-2 grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1 text-sm">
          {device.ops.map(({ op, shards }) => (
            <div key={op} className="contents">
              <dt className="num break-words">{op}</dt>
              <dd className="num text-right">{formatCount(shards)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
