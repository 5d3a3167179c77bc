import { useId } from 'react'
import { CAUSE_NAMES, CAUSES, type Cause } from '../../../kernel/causes.ts'

/** Which families of work this computer takes; the hub leases it no other. */
export function CauseChoice({
  chosen,
  onChange,
}: {
  readonly chosen: readonly Cause[]
  readonly onChange: (causes: readonly Cause[]) => void
}) {
  const id = useId()
  return (
    <fieldset aria-describedby={chosen.length === 0 ? `${id}-error` : undefined}>
      <legend className="mb-1.5 text-sm font-medium">Causes</legend>
      <div className="grid gap-2">
        {CAUSE_NAMES.map((cause) => (
          <label key={cause} className="flex cursor-pointer items-start gap-2 text-sm">
            <input
              type="checkbox"
              className="mt-1 accent-accent"
              checked={chosen.includes(cause)}
              onChange={(event) =>
                onChange(
                  CAUSE_NAMES.filter((one) => (one === cause ? event.target.checked : chosen.includes(one))),
                )
              }
            />
            <span>
              {CAUSES[cause].title}
              <span className="block text-xs text-muted">{CAUSES[cause].about}</span>
            </span>
          </label>
        ))}
      </div>
      {chosen.length === 0 ? (
        <p id={`${id}-error`} className="mt-2 text-xs text-bad">
          Choose at least one.
        </p>
      ) : null}
    </fieldset>
  )
}
