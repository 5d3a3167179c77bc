'use client'

import { Menu } from '@base-ui/react/menu'
import { useQuery } from '@tanstack/react-query'
import { ChevronDown, LogOut, UserRound } from 'lucide-react'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { toast } from 'sonner'
import type { AccountView } from '../../kernel/api/people.ts'
import { forgeErrorOf } from '../data/errors.ts'
import { formatCount } from '../data/format.ts'
import { HOME_OF_PEOPLE, withNext } from '../data/next-path.ts'
import { usePerson, useSignOut } from '../data/person.tsx'
import { useTRPC } from '../data/trpc.tsx'
import { buttonStyles } from './ui/button.tsx'

const PLACES = [
  { href: '/account', label: 'Account and credits' },
  { href: '/account/keys', label: 'Keys and tokens' },
  { href: '/devices', label: 'Devices' },
  { href: '/sites', label: 'Sites' },
] as const

const ITEM =
  'flex cursor-default items-center gap-2 rounded-sm px-2 py-1.5 outline-none select-none data-highlighted:bg-sunken'

/** Sign in, or what belongs to whoever has. */
export function AccountMenu() {
  const person = usePerson()
  const path = usePathname()
  if (person !== null && person.kind === 'user') return <PersonMenu person={person} />
  // From the pages about signing in there is no way back that anybody would want.
  const next = /^\/(sign-in|sign-up|reset-password)?$/.test(path) ? HOME_OF_PEOPLE : path
  return (
    <Link
      href={withNext(person === null ? '/sign-in' : '/sign-up', next)}
      className={buttonStyles({ size: 'small' })}
    >
      {person === null ? 'Sign in' : 'Keep your example'}
    </Link>
  )
}

function PersonMenu({ person }: { readonly person: AccountView }) {
  const signOut = useSignOut()
  const leave = async () => {
    try {
      await signOut()
    } catch (error) {
      const { message, hint } = forgeErrorOf(error)
      toast.error(`You are still signed in: ${message}`, hint === undefined ? {} : { description: hint })
    }
  }
  return (
    <Menu.Root>
      <Menu.Trigger
        className={buttonStyles({ tone: 'quiet', size: 'small', className: 'max-w-40' })}
        aria-label={`Account of ${person.name}`}
      >
        <UserRound aria-hidden />
        <span className="hidden truncate sm:inline">{person.name}</span>
        <ChevronDown aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner align="end" sideOffset={6} className="z-50">
          <Menu.Popup className="max-w-[min(20rem,calc(100vw-2rem))] min-w-56 rounded-sm border border-edge bg-panel p-1 text-sm text-ink shadow-lg outline-none">
            <div className="border-b border-line px-2 pt-1.5 pb-2">
              <p className="truncate font-medium">{person.name}</p>
              <p className="truncate text-xs text-muted">{person.email}</p>
              <Balance />
            </div>
            <div className="py-1">
              {PLACES.map(({ href, label }) => (
                <Menu.LinkItem key={href} closeOnClick render={<Link href={href} />} className={ITEM}>
                  {label}
                </Menu.LinkItem>
              ))}
            </div>
            <div className="border-t border-line pt-1">
              <Menu.Item className={ITEM} onClick={() => void leave()}>
                <LogOut aria-hidden className="size-4 text-muted" />
                Sign out
              </Menu.Item>
            </div>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

/** Asked for when the menu opens. */
function Balance() {
  const trpc = useTRPC()
  const { data } = useQuery(trpc.credits.balance.queryOptions())
  return (
    <p className="num mt-1 h-4 text-xs text-muted">
      {data === undefined ? '' : `${formatCount(data.available)} credits available`}
    </p>
  )
}
