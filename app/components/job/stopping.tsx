import type { JobRoom, JobView } from '../../../kernel/api.ts'
import { type Look, type StoppingRoom, targetWords } from '../../../kernel/early-stopping.ts'
import type { Summary } from '../../../kernel/ops/op.ts'
import { formatCount, formatNumber, formatWithError, plural } from '../../data/format.ts'
import { Panel, Reading } from '../ui/panel.tsx'

const Z_95 = 1.96

/** Whether the contract may end the job before its maximum. */
export function hasTarget({ contract }: Pick<JobView, 'contract'>): boolean {
  const { args } = contract
  return typeof args === 'object' && args !== null && 'convergence' in args
}

/** Where a settled job stopped and why, with every look on the way. */
export function StoppingPanel({ stopping }: { readonly stopping: NonNullable<Summary['stopping']> }) {
  const { reason, shards, maximum_shards, looks, target } = stopping
  return (
    <Panel id="looks" title="Stopping point" bodyClassName="space-y-4">
      <p className="text-sm">
        {reason === 'target'
          ? `The target was met after ${plural(shards, 'shard')} of at most ${formatCount(maximum_shards)}.`
          : `The target was not met: all ${plural(maximum_shards, 'shard')} were computed.`}{' '}
        <span className="text-muted">
          Target: {target}. The interval is sequential: it is stated at a point that the data chose.
        </span>
      </p>
      <LooksTable looks={looks} />
      <p className="text-xs text-muted">
        A look sees exactly the shards before it, in the order of the plan, so every execution of this
        contract stops at the same one.
      </p>
    </Panel>
  )
}

/** The looks of a job that runs, and the present interval against its target. */
export function LooksPanel({ room, stopping }: { readonly room: JobRoom; readonly stopping: StoppingRoom }) {
  const { looks, schedule, target, covered } = stopping
  const now = room.estimates.at(-1)
  const next = schedule[looks.length]
  return (
    <Panel id="looks" title="Looks" bodyClassName="space-y-4">
      <p className="text-sm">
        Stops at the first look with {targetWords(target)}
        {covered !== null
          ? `: met after ${plural(covered, 'shard')}.`
          : next === undefined
            ? '.'
            : `. The next look is after ${plural(next, 'shard')}.`}
      </p>
      {now === undefined ? null : (
        <dl className="grid grid-cols-2 gap-4 sm:grid-cols-3">
          <Reading
            label="Sequential interval now"
            value={`± ${formatWithError(now.value, Z_95 * now.standard_error).plusMinus}`}
            note="95 %, of the shards folded so far"
          />
          <Reading label="Standard error now" value={formatNumber(now.standard_error)} />
          <Reading
            label="Standard error wanted"
            value={formatNumber(wantedError(target, now.value))}
            note={target.relative_error === undefined ? undefined : `${100 * target.relative_error} % of it`}
          />
        </dl>
      )}
      {looks.length === 0 ? null : <LooksTable looks={looks} />}
    </Panel>
  )
}

/** The largest standard error that meets the target where the estimate is this. */
function wantedError({ standard_error, relative_error }: StoppingRoom['target'], value: number): number {
  return Math.min(
    standard_error ?? Number.POSITIVE_INFINITY,
    relative_error === undefined ? Number.POSITIVE_INFINITY : relative_error * Math.abs(value),
  )
}

function LooksTable({ looks }: { readonly looks: readonly Look[] }) {
  return (
    <table className="w-full text-sm">
      <caption className="sr-only">Looks in their order</caption>
      <thead>
        <tr className="text-left text-xs text-muted">
          <th scope="col" className="py-1 pr-3 font-normal">
            After shards
          </th>
          <th scope="col" className="hidden py-1 pr-3 text-right font-normal sm:table-cell">
            Samples
          </th>
          <th scope="col" className="py-1 pr-3 text-right font-normal">
            Estimate
          </th>
          <th scope="col" className="py-1 pr-3 text-right font-normal">
            Standard error
          </th>
          <th scope="col" className="py-1 pr-3 font-normal">
            Decision
          </th>
          <th scope="col" className="hidden py-1 font-normal sm:table-cell">
            Fold
          </th>
        </tr>
      </thead>
      <tbody className="divide-y divide-line">
        {looks.map((look) => (
          <tr key={look.shards}>
            <th scope="row" className="num py-1.5 pr-3 text-left font-normal">
              {formatCount(look.shards)}
            </th>
            <td className="num hidden py-1.5 pr-3 text-right sm:table-cell">{formatCount(look.samples)}</td>
            <td className="num py-1.5 pr-3 text-right whitespace-nowrap">
              {formatWithError(look.value, Z_95 * look.standard_error).value}
            </td>
            <td className="num py-1.5 pr-3 text-right whitespace-nowrap">
              {formatNumber(look.standard_error)}
            </td>
            <td className="py-1.5 pr-3">{decisionWords(look)}</td>
            <td className="num hidden py-1.5 text-xs sm:table-cell" title={look.fold}>
              {look.fold.slice(0, 12)}…
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function decisionWords({ target_met, enough_outcomes }: Look): string {
  if (!target_met) return 'target not met'
  return enough_outcomes ? 'target met' : 'too few outcomes of a kind'
}
