import type { JobCostView } from '../../../kernel/api/credits.ts'
import { formatCount, plural } from '../../data/format.ts'
import { PriceTable } from '../price-table.tsx'
import { Panel, Reading } from '../ui/panel.tsx'

/** What the job costs: the hold while it runs, the bill once it has ended. */
export function CostPanel({ cost, ended }: { readonly cost: JobCostView; readonly ended: boolean }) {
  const billed = ended && cost.charged !== null
  return (
    <Panel id="cost" title="Cost">
      <dl className="grid grid-cols-3 gap-4">
        <Reading label="Held" value={formatCount(cost.held)} unit="credits" />
        <Reading label="Charged" value={cost.charged === null ? '–' : formatCount(cost.charged)} />
        <Reading label="Released" value={cost.released === null ? '–' : formatCount(cost.released)} />
      </dl>
      <div className="mt-4 border-t border-line pt-4">
        <PriceTable
          caption={billed ? 'What was charged' : 'What is held at most'}
          items={cost.items}
          total={billed ? (cost.charged ?? 0) : cost.held}
        />
        <p className="mt-3 text-xs text-muted">
          {plural(cost.shard_price, 'credit')} a copy of a shard.{' '}
          {billed
            ? 'Only verified copies of accepted shards are charged.'
            : 'Charged is what is verified; the rest is released when the job ends.'}
        </p>
      </div>
    </Panel>
  )
}
