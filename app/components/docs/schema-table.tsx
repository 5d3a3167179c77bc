import { Fragment } from 'react'
import type { SchemaRow } from './schema-rows.ts'

/** Two columns fit a telephone: what a field is called and holds, and what it means. */
export function SchemaTable({
  caption,
  rows,
}: {
  readonly caption: string
  readonly rows: readonly SchemaRow[]
}) {
  return (
    <table className="w-full table-fixed text-sm">
      <caption className="sr-only">{caption}</caption>
      <thead className="text-left text-xs text-muted">
        <tr className="border-b border-line">
          <th scope="col" className="w-2/5 py-2 pr-4 font-normal">
            Name and type
          </th>
          <th scope="col" className="py-2 font-normal">
            Meaning, range, default
          </th>
        </tr>
      </thead>
      <tbody className="divide-y divide-line">
        {rows.map((row) => (
          <tr key={row.path}>
            <th scope="row" className="py-2.5 pr-4 text-left align-top font-normal">
              <code className="num text-sm font-medium wrap-anywhere">
                <Breakable path={row.path} />
              </code>
              <span className="num block text-xs wrap-anywhere text-muted">
                {row.type}
                {row.unit === undefined ? null : ` in ${row.unit}`}
              </span>
              {row.condition === undefined ? null : (
                <span className="block text-xs text-muted">{row.condition}</span>
              )}
            </th>
            <td className="py-2.5 align-top wrap-anywhere">
              {row.title === undefined ? null : <span className="font-medium">{row.title}. </span>}
              {row.description}
              {row.range === undefined && row.fallback === undefined ? null : (
                <span className="num block text-xs text-muted">
                  {row.range}
                  {row.range !== undefined && row.fallback !== undefined ? ' · ' : null}
                  {row.fallback === undefined ? null : `default ${row.fallback}`}
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A long path breaks after its dots and underscores, not inside a word. */
function Breakable({ path }: { readonly path: string }) {
  return path.split(/(?<=[._])/).map((part, at) => (
    <Fragment key={path.split(/(?<=[._])/, at).join('')}>
      {at === 0 ? null : <wbr />}
      {part}
    </Fragment>
  ))
}
