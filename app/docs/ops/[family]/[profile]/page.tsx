import type { Metadata } from 'next'
import Link from 'next/link'
import { notFound } from 'next/navigation'
import { OPS } from '../../../../../kernel/ops/registry.ts'
import { jobPrice } from '../../../../../kernel/price.ts'
import type { OpPage } from '../../../../components/docs/op-page.ts'
import { OraclePanel } from '../../../../components/docs/oracle-panel.tsx'
import { schemaRows, schemaShape } from '../../../../components/docs/schema-rows.ts'
import { SchemaTable } from '../../../../components/docs/schema-table.tsx'
import { buttonStyles } from '../../../../components/ui/button.tsx'
import { CopyButton } from '../../../../components/ui/copy-button.tsx'
import { linkStyles } from '../../../../components/ui/link-styles.ts'
import { Panel, Reading } from '../../../../components/ui/panel.tsx'
import { formatBytes, formatCount, formatCpuTime } from '../../../../data/format.ts'
import { OP_PAGES } from '../../../../generated/op-pages.ts'

interface Props {
  readonly params: Promise<{ family: string; profile: string }>
}

async function opOf(params: Props['params']) {
  const { family, profile } = await params
  return OPS.list().find(({ ref }) => ref.name === family && ref.profile === decodeURIComponent(profile))
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: (await opOf(params))?.title ?? 'Unknown op' }
}

export default async function Page({ params }: Props) {
  const op = await opOf(params)
  const page: OpPage | undefined = op === undefined ? undefined : OP_PAGES[op.id]
  if (op === undefined || page === undefined) notFound()
  const inputs = Object.entries(op.inputs)
  const { plan, contract } = OPS.prepare(page.contract)
  const kernel = op.kernelOf?.(contract.args) ?? op.kernel
  const price = jobPrice(plan, 2)
  const json = JSON.stringify(page.contract, null, 2)
  const args = schemaRows(op.args)
  return (
    <article>
      <p className="text-sm">
        <Link href="/docs/ops" className={linkStyles}>
          All ops
        </Link>
      </p>
      <h1 className="mt-3 text-3xl font-semibold tracking-tight">{op.title}</h1>
      <p className="num mt-1 text-sm text-muted">{op.id}</p>
      <p className="mt-3 max-w-3xl leading-7">{op.description}</p>
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-2">
        <div className="min-w-0 space-y-6">
          <Panel id="arguments" title="Arguments">
            {args.length === 0 ? (
              <p className="text-sm text-muted">This op takes no arguments.</p>
            ) : (
              <SchemaTable caption={`Arguments of ${op.id}`} rows={args} />
            )}
          </Panel>
          {inputs.length === 0 ? null : (
            <Panel id="operands" title="Operands">
              <dl className="space-y-3 text-sm">
                {inputs.map(([name, { title, description, dtypes, rank }]) => (
                  <div key={name}>
                    <dt>
                      <code className="num font-medium">{name}</code>
                      <span className="num ml-2 text-xs text-muted">
                        {dtypes.join(' | ')}, rank {rank}
                      </span>
                    </dt>
                    <dd className="mt-0.5 wrap-anywhere">
                      {title === name ? null : <span className="font-medium">{title}. </span>}
                      {description}
                    </dd>
                  </div>
                ))}
              </dl>
              <p className="mt-3 text-xs text-muted">Little-endian, row-major, named by SHA-256.</p>
            </Panel>
          )}
          <Panel id="result-schema" title="Result">
            <pre className="num text-xs leading-5 wrap-anywhere whitespace-pre-wrap">
              {schemaShape(op.result)}
            </pre>
            <p className="mt-3 text-xs text-muted">
              Canonical JSON: the same bytes, and the same digest, whoever computed the shards.
            </p>
          </Panel>
        </div>
        <div className="min-w-0 space-y-6">
          <Panel
            id="example"
            title="Example contract"
            aside={
              <span className="flex gap-2">
                <CopyButton text={json} what="contract" label="Copy" />
                <Link
                  href={`/submit?op=${encodeURIComponent(op.id)}`}
                  className={buttonStyles({ size: 'small' })}
                >
                  Submit this
                </Link>
              </span>
            }
          >
            <pre className="num text-xs leading-5 wrap-anywhere whitespace-pre-wrap">{json}</pre>
            {inputs.length === 0 ? null : (
              <p className="mt-3 text-xs text-muted">
                The digests are those of the operands that the oracle below speaks of. The form asks for your
                own.
              </p>
            )}
          </Panel>
          <Panel id="plan" title="How it is computed">
            <dl className="grid grid-cols-2 gap-4 sm:grid-cols-3">
              <Reading label="Shards of the example" value={formatCount(plan.shard_count)} />
              <Reading
                label="Work"
                value={formatCount(plan.work_units)}
                unit="units"
                note={`about ${formatCpuTime(plan.work_units)} of one core`}
              />
              <Reading
                label="Price, verified by two"
                value={formatCount(price.credits)}
                unit="credits"
                note={`${formatCount(price.shard_price)} for one copy of a shard`}
              />
              <Reading
                label="Leaf"
                value={formatBytes(plan.leaf.max_bytes)}
                note={plan.leaf.kind === 'inline' ? 'folded exactly' : 'stored by its digest'}
              />
              <Reading label="Kernel of the example" value={<code className="text-sm">{kernel}</code>} />
            </dl>
            <h3 className="mt-5 text-xs font-semibold">Asserted of every leaf before it counts</h3>
            <ul className="mt-1.5 list-disc space-y-1 pl-4 text-sm leading-6">
              {page.invariants.map((invariant) => (
                <li key={invariant}>{invariant}</li>
              ))}
            </ul>
            <h3 className="mt-4 text-xs font-semibold">Accuracy</h3>
            <p className="mt-1.5 text-sm leading-6">{page.accuracy}</p>
          </Panel>
          <OraclePanel page={page} />
        </div>
      </div>
    </article>
  )
}
