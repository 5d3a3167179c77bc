import type { Metadata } from 'next'
import Link from 'next/link'
import { Devices } from '../components/devices/devices.tsx'
import { linkStyles } from '../components/ui/link-styles.ts'
import { requirePerson } from '../data/who.ts'

export const metadata: Metadata = { title: 'Devices' }

export default async function Page() {
  await requirePerson('/devices')
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Devices</h1>
      <p className="mt-2 max-w-2xl text-muted">
        Every browser and every machine that computes for your account has a key of its own. What it ran and
        earned stands here. A new one appears when you{' '}
        <Link href="/contribute" className={linkStyles}>
          contribute with this browser
        </Link>{' '}
        or start a headless agent with a{' '}
        <Link href="/account/keys" className={linkStyles}>
          node token
        </Link>
        .
      </p>
      <Devices />
    </div>
  )
}
