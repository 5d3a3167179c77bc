import type { Metadata } from 'next'
import { Contribute } from '../components/contribute/contribute.tsx'

export const metadata: Metadata = { title: 'Contribute' }

export default function Page() {
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Lend this computer</h1>
      <p className="mt-2 max-w-2xl text-muted">
        While this tab is open it computes shards of other people’s contracts. You see what runs, and one
        press stops it.
      </p>
      <Contribute />
    </div>
  )
}
