'use client'

import { useTheme } from 'next-themes'
import { Toaster as Sonner } from 'sonner'

export function Toaster() {
  const { theme } = useTheme()
  return (
    <Sonner
      theme={theme === 'light' || theme === 'dark' ? theme : 'system'}
      position="bottom-right"
      toastOptions={{ classNames: { toast: 'font-sans! rounded-sm!' } }}
    />
  )
}
