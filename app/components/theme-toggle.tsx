'use client'

import { Menu } from '@base-ui/react/menu'
import { Check, Monitor, Moon, Sun } from 'lucide-react'
import { useTheme } from 'next-themes'
import { useSyncExternalStore } from 'react'
import { buttonStyles } from './ui/button.tsx'

const THEMES = [
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
  { value: 'system', label: 'System', icon: Monitor },
] as const

/** The server cannot know the theme: until the page is hydrated the icon is the neutral one. */
const useHydrated = () =>
  useSyncExternalStore(
    () => () => {},
    () => true,
    () => false,
  )

export function ThemeToggle() {
  const { theme, setTheme } = useTheme()
  const hydrated = useHydrated()
  const current = THEMES.find(({ value }) => hydrated && value === theme) ?? THEMES[2]
  return (
    <Menu.Root>
      <Menu.Trigger
        className={buttonStyles({ tone: 'quiet', size: 'icon' })}
        aria-label={`Colour theme: ${current.label}`}
      >
        <current.icon aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner align="end" sideOffset={6} className="z-50">
          <Menu.Popup className="min-w-36 rounded-sm border border-edge bg-panel p-1 text-sm text-ink shadow-lg outline-none">
            <Menu.RadioGroup value={theme ?? 'system'} onValueChange={(value: string) => setTheme(value)}>
              {THEMES.map(({ value, label, icon: Icon }) => (
                <Menu.RadioItem
                  key={value}
                  value={value}
                  closeOnClick
                  className="flex cursor-default items-center gap-2 rounded-sm px-2 py-1.5 outline-none select-none data-highlighted:bg-sunken"
                >
                  <Icon aria-hidden className="size-4 text-muted" />
                  <span className="flex-1">{label}</span>
                  <Menu.RadioItemIndicator>
                    <Check aria-hidden className="size-4" />
                  </Menu.RadioItemIndicator>
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
