import type { Metadata } from 'next'
import { KeysAndTokens } from '../../components/account/keys-and-tokens.tsx'
import { requirePerson } from '../../data/who.ts'

export const metadata: Metadata = { title: 'Keys and tokens' }

export default async function Page() {
  await requirePerson('/account/keys')
  return <KeysAndTokens />
}
