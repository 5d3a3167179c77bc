'use client'

import { FileUp } from 'lucide-react'
import { useEffect, useId, useRef, useState } from 'react'
import type { Json, JsonObject } from '../../../kernel/canonical.ts'
import type { Dtype } from '../../../kernel/contract.ts'
import { ForgeError, type ForgeErrorJson } from '../../../kernel/errors.ts'
import { LIMITS } from '../../../kernel/limits.ts'
import type { InputSpec } from '../../../kernel/ops/op.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatBytes, formatCount } from '../../data/format.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { cn } from '../ui/class-names.ts'
import { Field, Input, Select } from '../ui/field.tsx'
import { Progress } from '../ui/progress.tsx'
import { field } from './draft.ts'
import { digestOf, putBlob } from './upload.ts'

const BYTES: Readonly<Record<Dtype, number>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
}
const FULL_PERCENT = 100

type Transfer =
  | { readonly t: 'none' }
  | { readonly t: 'hashing'; readonly name: string }
  | { readonly t: 'sending'; readonly name: string; readonly share: number }
  | { readonly t: 'stored'; readonly name: string; readonly bytes: number }
  | { readonly t: 'failed'; readonly error: ForgeErrorJson }

interface OperandInputProps {
  readonly name: string
  readonly spec: InputSpec
  readonly value: Json | undefined
  readonly onChange: (value: JsonObject) => void
}

/**
 * One operand: raw little-endian, row-major bytes. The file is hashed here, stored under its digest, and the contract
 * names the digest; the bytes themselves never enter the contract.
 */
export function OperandInput({ name, spec, value, onChange }: OperandInputProps) {
  const id = useId()
  const picker = useRef<HTMLInputElement>(null)
  const abort = useRef<AbortController | undefined>(undefined)
  const latest = useRef(value)
  latest.current = value
  const [transfer, setTransfer] = useState<Transfer>({ t: 'none' })
  const [over, setOver] = useState(false)
  useEffect(() => () => abort.current?.abort(), [])

  const digest = text(field(value, 'digest'))
  const dtype = dtypeOf(value, spec)
  const shape = shapeOf(value, spec)
  const wanted = shape.reduce((product, side) => product * side, 1) * BYTES[dtype]
  const bytes = transfer.t === 'stored' ? transfer.bytes : undefined
  const fits = bytes === undefined || bytes === wanted

  const update = (changes: JsonObject) => {
    const current = latest.current
    onChange({
      dtype: dtypeOf(current, spec),
      shape: shapeOf(current, spec),
      ...objectOf(current),
      ...changes,
    })
  }

  const store = async (label: string, content: Uint8Array<ArrayBuffer>, changes: JsonObject) => {
    abort.current?.abort()
    const controller = new AbortController()
    abort.current = controller
    try {
      setTransfer({ t: 'hashing', name: label })
      const digest = await digestOf(content)
      setTransfer({ t: 'sending', name: label, share: 0 })
      await putBlob(
        digest,
        content,
        (share) => setTransfer({ t: 'sending', name: label, share }),
        controller.signal,
      )
      setTransfer({ t: 'stored', name: label, bytes: content.length })
      update({ ...changes, digest })
    } catch (error) {
      const forge = forgeErrorOf(error)
      setTransfer(forge.code === 'CANCELLED' ? { t: 'none' } : { t: 'failed', error: forge })
    }
  }

  const take = async (file: File | undefined) => {
    if (file === undefined) return
    if (file.size === 0 || file.size > LIMITS.blob_bytes) {
      const message =
        file.size === 0
          ? 'the file is empty'
          : `the file has ${formatBytes(file.size)}; the limit is ${formatBytes(LIMITS.blob_bytes)}`
      setTransfer({
        t: 'failed',
        error: new ForgeError('TOO_LARGE', message, { hint: 'Choose another file.' }).toJSON(),
      })
      return
    }
    const content = new Uint8Array(await file.arrayBuffer())
    await store(file.name, content, squareShape(content.length, shape, dtype))
  }

  const fillRandom = () => {
    const content = new Uint8Array(wanted)
    for (let at = 0; at < content.length; at += 65_536)
      crypto.getRandomValues(content.subarray(at, at + 65_536))
    void store('random bytes', content, {})
  }

  const busy = transfer.t === 'hashing' || transfer.t === 'sending'
  return (
    <fieldset
      className="min-w-0 rounded-sm border border-line p-4"
      data-path={`inputs.${name}`}
      tabIndex={-1}
    >
      <legend className="px-1 text-sm font-medium">Operand {spec.title}</legend>
      <p className="text-xs text-muted">{spec.description}</p>
      <div className="mt-3 grid grid-cols-2 gap-3 sm:grid-cols-[repeat(auto-fit,minmax(6rem,1fr))]">
        {shape.map((side, axis) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a side of the shape is its position
          <Field key={axis} id={`${id}-side-${axis}`} label={sideName(axis, shape.length)}>
            <Input
              id={`${id}-side-${axis}`}
              data-path={`inputs.${name}.shape[${axis}]`}
              inputMode="numeric"
              className="num"
              value={side === 0 ? '' : String(side)}
              onChange={(event) =>
                update({
                  shape: shape.map((old, other) => (other === axis ? wholeNumber(event.target.value) : old)),
                })
              }
            />
          </Field>
        ))}
        <Field id={`${id}-dtype`} label="Number type">
          <Select
            id={`${id}-dtype`}
            data-path={`inputs.${name}.dtype`}
            value={dtype}
            onChange={(event) => update({ dtype: event.target.value })}
          >
            {spec.dtypes.map((option) => (
              <option key={option}>{option}</option>
            ))}
          </Select>
        </Field>
      </div>

      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra for the mouse; the button inside does the same by keyboard */}
      <div
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          setOver(false)
          void take(event.dataTransfer.files[0])
        }}
        className={cn(
          'mt-3 flex flex-wrap items-center gap-3 rounded-sm border border-dashed border-edge p-3',
          over && 'border-accent bg-sunken',
        )}
      >
        <input
          ref={picker}
          id={`${id}-file`}
          type="file"
          className="sr-only"
          tabIndex={-1}
          aria-label={`File for ${spec.title}`}
          onChange={(event) => {
            void take(event.target.files?.[0])
            event.target.value = ''
          }}
        />
        <Button onClick={() => picker.current?.click()} disabled={busy}>
          <FileUp aria-hidden />
          Choose file
        </Button>
        <Button
          tone="quiet"
          disabled={busy || wanted < 1 || wanted > LIMITS.blob_bytes || dtype.startsWith('float')}
          onClick={fillRandom}
        >
          Use random bytes
        </Button>
        <p className="min-w-0 flex-1 basis-48 text-xs text-muted">
          or drop it here: raw little-endian bytes, row by row, {formatCount(wanted)} of them for this shape,
          at most {formatBytes(LIMITS.blob_bytes)}.
        </p>
      </div>

      <div role="status" className="mt-3 space-y-2 text-sm">
        {transfer.t === 'hashing' ? (
          <p className="working">Computing the SHA-256 of {transfer.name}…</p>
        ) : null}
        {transfer.t === 'sending' ? (
          <div className="flex items-center gap-3">
            <Progress
              label={`Upload of ${transfer.name}`}
              value={Math.round(transfer.share * FULL_PERCENT)}
              max={FULL_PERCENT}
              text={`${Math.round(transfer.share * FULL_PERCENT)} % sent`}
            />
            <Button size="small" onClick={() => abort.current?.abort()}>
              Cancel
            </Button>
          </div>
        ) : null}
        {transfer.t === 'failed' ? (
          <Failure title="This operand was not stored" error={transfer.error} />
        ) : null}
        {fits ? null : (
          <Callout tone="warn" title="Shape and file do not match">
            The file has {formatCount(bytes ?? 0)} bytes; this shape needs {formatCount(wanted)}.
          </Callout>
        )}
        {digest === undefined || busy ? null : (
          <p className="text-xs">
            <span className="text-ok">
              {transfer.t === 'stored'
                ? `Stored: ${transfer.name}, ${formatBytes(transfer.bytes)}.`
                : 'Named by digest.'}
            </span>{' '}
            <span className="num break-all text-muted">{digest}</span>
          </p>
        )}
      </div>
    </fieldset>
  )
}

const DEFAULT_SIDE = 256

function shapeOf(value: Json | undefined, spec: InputSpec): number[] {
  const shape = field(value, 'shape')
  const sides = Array.isArray(shape) ? (shape as readonly Json[]) : []
  return Array.from({ length: spec.rank }, (_, axis) => {
    const side = sides[axis]
    return typeof side === 'number' ? side : DEFAULT_SIDE
  })
}

function dtypeOf(value: Json | undefined, spec: InputSpec): Dtype {
  const dtype = field(value, 'dtype')
  return spec.dtypes.find((option) => option === dtype) ?? spec.dtypes[0] ?? 'int8'
}

/** A file that is a square of the wanted type and no other shape so far fits: take it for a square. */
function squareShape(bytes: number, shape: readonly number[], dtype: Dtype): JsonObject {
  const elements = bytes / BYTES[dtype]
  const side = Math.round(Math.sqrt(elements))
  const fits = shape.reduce((product, length) => product * length, 1) === elements
  return fits || shape.length !== 2 || side * side !== elements ? {} : { shape: [side, side] }
}

function sideName(axis: number, rank: number): string {
  if (rank === 1) return 'Length'
  return axis === rank - 2 ? 'Rows' : axis === rank - 1 ? 'Columns' : `Side ${axis + 1}`
}

function wholeNumber(value: string): number {
  const digits = value.replaceAll(/\D/g, '').slice(0, 9)
  return digits === '' ? 0 : Number(digits)
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
