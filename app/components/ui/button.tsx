import { Button as BaseButton } from '@base-ui/react/button'
import { cva, type VariantProps } from 'class-variance-authority'
import type { ComponentProps } from 'react'
import { cn } from './class-names.ts'

export const buttonStyles = cva(
  'inline-flex items-center justify-center gap-2 rounded-sm border font-medium whitespace-nowrap transition-colors select-none disabled:cursor-not-allowed disabled:opacity-50 data-disabled:cursor-not-allowed data-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0',
  {
    variants: {
      tone: {
        primary: 'border-accent bg-accent text-on-accent hover:border-accent-strong hover:bg-accent-strong',
        plain: 'border-edge bg-panel text-ink hover:bg-sunken',
        quiet: 'border-transparent bg-transparent text-ink hover:bg-sunken',
        danger: 'border-bad bg-panel text-bad hover:bg-bad-wash',
      },
      size: {
        normal: 'h-10 px-4 text-sm',
        small: 'h-8 px-2.5 text-xs',
        large: 'h-12 px-6 text-base',
        icon: 'size-9',
      },
    },
    defaultVariants: { tone: 'plain', size: 'normal' },
  },
)

type ButtonProps = Omit<ComponentProps<typeof BaseButton>, 'className'> &
  VariantProps<typeof buttonStyles> & { className?: string }

export function Button({ tone, size, className, type = 'button', ...rest }: ButtonProps) {
  return <BaseButton type={type} className={cn(buttonStyles({ tone, size }), className)} {...rest} />
}
