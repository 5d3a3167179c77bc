import type { CostItem } from '../../kernel/price.ts'
import { formatCount } from '../data/format.ts'

const KINDS: Readonly<Record<CostItem['kind'], { readonly label: string; readonly says: string }>> = {
  computation: { label: 'Computation', says: 'the first copy of each shard' },
  verification: { label: 'Verification', says: 'further copies by other owners' },
  referee: { label: 'Referee', says: 'copies by the hub’s own CPU' },
}

/** Credits by what the copies are for, and their sum. */
export function PriceTable({
  caption,
  items,
  total,
}: {
  readonly caption: string
  readonly items: readonly CostItem[]
  readonly total: number
}) {
  return (
    <table className="w-full text-sm">
      <caption className="pb-1 text-left text-xs font-medium">{caption}</caption>
      <thead className="sr-only">
        <tr>
          <th scope="col">For</th>
          <th scope="col">Copies</th>
          <th scope="col">Credits</th>
        </tr>
      </thead>
      <tbody className="divide-y divide-line">
        {items.map(({ kind, copies, credits }) => (
          <tr key={kind}>
            <th scope="row" className="py-1.5 pr-3 text-left font-normal">
              {KINDS[kind].label}
              <span className="block text-xs text-muted">{KINDS[kind].says}</span>
            </th>
            <td className="num py-1.5 pr-3 text-right align-top text-xs leading-5 whitespace-nowrap text-muted">
              × {formatCount(copies)}
            </td>
            <td className="num py-1.5 text-right align-top">{formatCount(credits)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr className="border-t border-edge font-medium">
          <th scope="row" colSpan={2} className="py-1.5 text-left font-medium">
            Together
          </th>
          <td className="num py-1.5 text-right">{formatCount(total)}</td>
        </tr>
      </tfoot>
    </table>
  )
}
