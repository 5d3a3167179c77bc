import Link from 'next/link'
import { NetworkNow } from './components/home/network-now.tsx'
import { ProveHere } from './components/home/prove-here.tsx'
import { RunExample } from './components/home/run-example.tsx'
import { serverApi } from './data/server-api.ts'
import { whoAsks } from './data/who.ts'

const RECENT_JOBS = 8

const GUARANTEES = [
  {
    title: 'You ask for an execution, not a machine',
    text: 'A contract names an op, its arguments, a seed and how it is verified. It is cut into shards by a rule that never sees who computes them.',
  },
  {
    title: 'The same bits from every device',
    text: 'Results are defined over integers, never over floating point. A phone’s GPU, a data-centre GPU and a plain CPU return the same bytes, so one hash settles whether they agree.',
  },
  {
    title: 'Evidence instead of trust',
    text: 'A shard counts when agents of distinct owners return the same digest. The hub’s own CPU decides disputes, agents sign what they return, and a replay key lets anybody run it again.',
  },
] as const

export default async function Home() {
  const api = await serverApi()
  const who = await whoAsks()
  const isGuest = who.kind === 'person' && who.person.kind === 'guest'
  const [stats, recent, own] = await Promise.all([
    api.network.stats.query(),
    api.jobs.listPublic.query({ limit: RECENT_JOBS }),
    isGuest ? api.jobs.list.query({ limit: 1 }) : undefined,
  ])
  const ran = own?.items[0]?.id ?? null
  return (
    <div className="space-y-12">
      <div className="grid items-start gap-8 lg:grid-cols-[minmax(0,5fr)_minmax(0,6fr)] lg:gap-12">
        <div>
          <h1 className="text-4xl leading-[1.08] font-semibold tracking-tight text-balance sm:text-5xl">
            Compute you can check, on machines you don’t know
          </h1>
          <p className="mt-5 max-w-prose text-lg leading-relaxed text-muted">
            Forge Pool runs contracts on browsers and computers that volunteers lend. Every shard is defined
            to the last bit, so two strangers’ results are either identical or one of them is wrong.
          </p>
          <p className="mt-5 flex flex-wrap gap-x-6 gap-y-2 text-sm">
            <Link href="/contribute" className="underline decoration-accent decoration-2 underline-offset-4">
              Lend this computer
            </Link>
            <Link href="/submit" className="underline decoration-accent decoration-2 underline-offset-4">
              Submit a contract
            </Link>
          </p>
        </div>
        <ProveHere />
      </div>

      <RunExample ran={ran} />

      <NetworkNow initial={{ stats, recent: recent.items }} />

      <section
        aria-label="How it works"
        className="grid gap-x-10 gap-y-8 border-t border-line pt-8 md:grid-cols-3"
      >
        {GUARANTEES.map(({ title, text }) => (
          <div key={title}>
            <h2 className="font-semibold tracking-tight">{title}</h2>
            <p className="mt-2 text-sm leading-6 text-muted">{text}</p>
          </div>
        ))}
      </section>
    </div>
  )
}
