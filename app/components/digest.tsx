import { cn } from './ui/class-names.ts'
import { CopyButton } from './ui/copy-button.tsx'

const BAR = 4
const HEIGHT = 24

/**
 * A digest as a picture: one bar a byte, its height the byte's value. Two strips over one another show at a glance
 * whether two digests are equal; the text beside them is the exact statement.
 */
export function DigestStrip({ hex, className }: { readonly hex: string; readonly className?: string }) {
  const bytes = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? []
  return (
    <svg
      aria-hidden="true"
      viewBox={`0 0 ${bytes.length * BAR} ${HEIGHT}`}
      preserveAspectRatio="none"
      className={cn('block h-6 w-full fill-current', className)}
    >
      {bytes.map((byte, index) => {
        const height = 2 + ((HEIGHT - 2) * byte) / 255
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its position
          <rect key={index} x={index * BAR} y={HEIGHT - height} width={BAR - 1} height={height} />
        )
      })}
    </svg>
  )
}

/** A digest in full: name, strip, hexadecimal text that wraps, copy button. */
export function DigestRow({
  label,
  hex,
  help,
}: {
  readonly label: string
  readonly hex: string
  readonly help?: string
}) {
  return (
    <div className="grid min-w-0 grid-cols-[minmax(0,1fr)_auto] items-start gap-x-2">
      <div className="min-w-0">
        <p className="text-xs text-muted">{label}</p>
        <p className="num mt-0.5 text-xs leading-5 break-all">{hex}</p>
        <DigestStrip hex={hex} className="mt-1.5 h-4 max-w-sm text-muted" />
        {help === undefined ? null : <p className="mt-1 text-xs text-muted">{help}</p>}
      </div>
      <CopyButton text={hex} what={label.toLowerCase()} />
    </div>
  )
}
