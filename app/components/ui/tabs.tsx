import { Tabs as Base } from '@base-ui/react/tabs'
import type { ComponentProps } from 'react'
import { cn } from './class-names.ts'

export const Tabs = Base.Root

type Plain<T> = Omit<T, 'className'> & { className?: string }

export function TabList({ className, ...rest }: Plain<ComponentProps<typeof Base.List>>) {
  return <Base.List className={cn('flex gap-1 border-b border-line', className)} {...rest} />
}

export function Tab({ className, ...rest }: Plain<ComponentProps<typeof Base.Tab>>) {
  return (
    <Base.Tab
      className={cn(
        '-mb-px h-10 border-b-2 border-transparent px-3 text-sm font-medium text-muted hover:text-ink data-active:border-accent data-active:text-ink',
        className,
      )}
      {...rest}
    />
  )
}

export function TabPanel({ className, ...rest }: Plain<ComponentProps<typeof Base.Panel>>) {
  return <Base.Panel className={cn('pt-4', className)} {...rest} />
}
