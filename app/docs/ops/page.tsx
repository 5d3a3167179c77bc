import type { Metadata } from 'next'
import Link from 'next/link'
import { OPS } from '../../../kernel/ops/registry.ts'
import { linkStyles } from '../../components/ui/link-styles.ts'
import { Panel } from '../../components/ui/panel.tsx'

export const metadata: Metadata = { title: 'Ops' }

const FAMILIES: Readonly<Record<string, string>> = {
  mc: 'Monte Carlo',
  ensemble: 'Ensembles',
  tensor: 'Tensors',
  media: 'Pictures',
}

export default function Page() {
  const ops = OPS.list()
  const families = [...new Set(ops.map(({ ref }) => ref.name))]
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Ops</h1>
      <p className="mt-2 max-w-2xl text-muted">
        What a contract can ask for. Each page is made from the op’s own definition: its arguments, plan and
        price, what is asserted of every shard, and a result beside a value known from elsewhere.
      </p>
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-2">
        {families.map((family) => (
          <Panel key={family} id={`family-${family}`} title={FAMILIES[family] ?? family} bodyClassName="p-0">
            <ul className="divide-y divide-line">
              {ops
                .filter(({ ref }) => ref.name === family)
                .map(({ id, ref, title, description }) => (
                  <li key={id} className="px-4 py-3">
                    <Link
                      href={`/docs/ops/${ref.name}/${ref.profile}`}
                      className={`font-medium ${linkStyles}`}
                    >
                      {title}
                    </Link>
                    <p className="num mt-0.5 text-xs text-muted">{id}</p>
                    <p className="mt-1.5 text-sm leading-6 text-muted">{description}</p>
                  </li>
                ))}
            </ul>
          </Panel>
        ))}
      </div>
    </div>
  )
}
