'use client'

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { toast } from 'sonner'
import type { DeviceView } from '../../../kernel/api/devices.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Input } from '../ui/field.tsx'

const NAME_CHARS_MAX = 60

/** @param device to be called something else; an empty name takes the name away */
export function RenameForm({ device, onDone }: { readonly device: DeviceView; readonly onDone: () => void }) {
  const id = useId()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [name, setName] = useState(device.name ?? '')
  const rename = useMutation(
    trpc.devices.rename.mutationOptions({
      onSuccess: () => {
        void queries.invalidateQueries({ queryKey: trpc.devices.list.queryKey() })
        onDone()
      },
    }),
  )
  return (
    <form
      className="w-full min-w-0"
      onSubmit={(event) => {
        event.preventDefault()
        rename.mutate({ id: device.id, name: name.trim() === '' ? null : name.trim() })
      }}
    >
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        Name of this device
      </label>
      <div className="flex flex-wrap gap-2">
        <Input
          id={id}
          className="w-auto flex-1 basis-40"
          maxLength={NAME_CHARS_MAX}
          autoComplete="off"
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={rename.isPending}>
          Save
        </Button>
        <Button tone="quiet" onClick={onDone}>
          Leave it
        </Button>
      </div>
      {rename.isError ? (
        <Failure className="mt-3" title="The name was not changed" error={forgeErrorOf(rename.error)} />
      ) : null}
    </form>
  )
}

export function RevokeDevice({ device, name }: { readonly device: DeviceView; readonly name: string }) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const revoke = useMutation(
    trpc.devices.revoke.mutationOptions({
      onSuccess: () => {
        toast.success(`“${name}” is revoked.`)
        void queries.invalidateQueries({ queryKey: trpc.devices.list.queryKey() })
      },
      onError: (error) => {
        const { message, hint } = forgeErrorOf(error)
        toast.error(`Not revoked: ${message}`, hint === undefined ? {} : { description: hint })
      },
      onSettled: () => setAsking(false),
    }),
  )
  return (
    <>
      <Button size="small" tone="danger" aria-label={`Revoke ${name}`} onClick={() => setAsking(true)}>
        Revoke
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Revoke “${name}”?`}
        confirm={revoke.isPending ? 'Revoking…' : 'Revoke the device'}
        dismiss="Keep it"
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate({ id: device.id })}
      >
        Its key is refused from now on and its work in progress goes to somebody else. What it has earned
        stays yours. It cannot be undone: the same machine would need a new key.
      </Confirm>
    </>
  )
}
