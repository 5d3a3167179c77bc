import type { Metadata } from 'next'
import { VerifyPage } from '../components/verify/verify-page.tsx'

export const metadata: Metadata = { title: 'Verify evidence' }

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

export default async function Page({ searchParams }: Props) {
  const { job } = await searchParams
  return <VerifyPage job={typeof job === 'string' && /^[0-9a-f-]{36}$/.test(job) ? job : undefined} />
}
