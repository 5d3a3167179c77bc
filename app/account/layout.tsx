import type { ReactNode } from 'react'
import { AccountNav } from '../components/account/account-nav.tsx'

export default function AccountLayout({ children }: { readonly children: ReactNode }) {
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Account</h1>
      <AccountNav />
      <div className="mt-6">{children}</div>
    </div>
  )
}
