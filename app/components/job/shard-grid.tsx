import type { JobRoom } from '../../../kernel/api.ts'
import { formatCount, plural } from '../../data/format.ts'
import { cn } from '../ui/class-names.ts'

/**
 * The plan as a field of cells. Each state has a colour and a shape of its own, so that it reads without colour; one
 * SVG path per state keeps 1,024 cells at five elements.
 */
const SIZE = 10
const CELL = 8

type CellState = '.' | 'l' | 'r' | 'd' | 'a'

const STATES: readonly {
  readonly code: CellState
  readonly label: string
  readonly className: string
  readonly draw: string
}[] = [
  {
    code: '.',
    label: 'untouched',
    className: 'fill-none stroke-edge',
    draw: `m.5 .5h${CELL - 1}v${CELL - 1}h-${CELL - 1}z`,
  },
  {
    code: 'l',
    label: 'leased to an agent',
    className: 'fill-warn',
    draw: `m0 ${CELL}v-${CELL}l${CELL} ${CELL}z`,
  },
  {
    code: 'r',
    label: 'returned, waiting for another copy',
    className: 'fill-info',
    draw: `m0 4h${CELL}v4h-${CELL}z`,
  },
  {
    code: 'd',
    label: 'disputed, the referee decides',
    className: 'fill-bad',
    draw: 'm0 0h2l2 2.6 2 -2.6h2v1.4l-2.2 2.6 2.2 2.6v1.4h-2l-2-2.6-2 2.6h-2v-1.4l2.2-2.6-2.2-2.6z',
  },
  { code: 'a', label: 'accepted', className: 'fill-ok', draw: `h${CELL}v${CELL}h-${CELL}z` },
]

interface ShardGridProps {
  readonly grid: JobRoom['grid']
  readonly shardCount: number
}

export function ShardGrid({ grid, shardCount }: ShardGridProps) {
  const { cells, shards_per_cell: perCell } = grid
  const columns = Math.min(64, Math.max(8, Math.ceil(Math.sqrt(cells.length * 4))))
  const rows = Math.max(1, Math.ceil(cells.length / columns))
  const paths = new Map<string, string[]>(STATES.map(({ code }) => [code, []]))
  for (let i = 0; i < cells.length; i++) {
    const x = (i % columns) * SIZE
    const y = Math.floor(i / columns) * SIZE
    const state = STATES.find(({ code }) => code === cells[i])
    if (state !== undefined) paths.get(state.code)?.push(`M${x} ${y}${state.draw}`)
  }
  const counts = STATES.map((state) => ({ ...state, count: paths.get(state.code)?.length ?? 0 }))
  const unit = perCell === 1 ? 'shard' : 'cell'
  const description = counts
    .filter(({ count }) => count > 0)
    .map(({ count, label }) => `${plural(count, unit)} ${label}`)
    .join(', ')
  return (
    <figure>
      <svg
        role="img"
        aria-label={`Shard grid: ${description || 'nothing yet'}.`}
        viewBox={`-1 -1 ${columns * SIZE} ${rows * SIZE + 1}`}
        width={columns * 16}
        className="block h-auto max-w-full"
      >
        {STATES.map(({ code, className }) => (
          <path key={code} d={paths.get(code)?.join('') ?? ''} className={className} />
        ))}
      </svg>
      <figcaption className="mt-3">
        <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
          {counts.map(({ code, label, className, draw, count }) => (
            <li key={code} className={cn('flex items-center gap-1.5', count > 0 && 'text-ink')}>
              <svg aria-hidden="true" viewBox="-1 -1 10 10" className="size-3">
                <path d={`M0 0${draw}`} className={className} />
              </svg>
              <span>
                <span className="num">{formatCount(count)}</span> {label}
              </span>
            </li>
          ))}
        </ul>
        <p className="mt-2 text-xs text-muted">
          {perCell === 1
            ? `Each cell is one shard of ${formatCount(shardCount)}.`
            : `Each cell is a run of ${formatCount(perCell)} shards of ${formatCount(shardCount)}.`}
        </p>
      </figcaption>
    </figure>
  )
}
