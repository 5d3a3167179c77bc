import type { Metadata } from 'next'
import { Sites } from '../components/sites/sites.tsx'
import { requirePerson } from '../data/who.ts'

export const metadata: Metadata = { title: 'Sites' }

export default async function Page() {
  await requirePerson('/sites')
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Sites</h1>
      <p className="mt-2 max-w-2xl text-muted">
        A site of yours can ask its visitors to compute for the pool. Nothing runs before a visitor consents
        in a frame that your page can neither press nor hide; a part of what they earn goes to you.
      </p>
      <Sites />
    </div>
  )
}
