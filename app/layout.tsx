import '@fontsource-variable/inter'
import '@fontsource-variable/jetbrains-mono'
import './globals.css'
import type { Metadata, Viewport } from 'next'
import { headers } from 'next/headers'
import { ThemeProvider } from 'next-themes'
import type { ReactNode } from 'react'
import { SiteFooter } from './components/site-footer.tsx'
import { SiteHeader } from './components/site-header.tsx'
import { Toaster } from './components/toaster.tsx'
import { PersonProvider } from './data/person.tsx'
import { ApiProvider } from './data/trpc.tsx'
import { whoAsks } from './data/who.ts'

export const metadata: Metadata = {
  title: { default: 'Forge Pool', template: '%s · Forge Pool' },
  description:
    'Volunteer compute with execution guarantees: results that are bit-identical on every GPU and CPU, verified by independent owners.',
}

export const viewport: Viewport = {
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f5f4ef' },
    { media: '(prefers-color-scheme: dark)', color: '#0f1213' },
  ],
}

/** Every page shows what the server knows now: nothing is rendered at build time, where there is no server to ask. */
export const dynamic = 'force-dynamic'

export default async function RootLayout({ children }: { readonly children: ReactNode }) {
  // Of this request (server/http/server.ts): the theme's inline script may run only with it.
  const nonce = (await headers()).get('x-nonce') ?? ''
  const who = await whoAsks()
  return (
    // The theme's class is set before the first paint, so the server's HTML differs from it by design.
    <html lang="en" suppressHydrationWarning>
      <body className="flex min-h-dvh flex-col antialiased">
        <ThemeProvider
          nonce={nonce}
          attribute="class"
          defaultTheme="system"
          enableSystem
          disableTransitionOnChange
        >
          <ApiProvider>
            <PersonProvider person={who.kind === 'person' ? who.person : null}>
              <a
                href="#main"
                className="sr-only z-50 rounded-sm bg-ink px-4 py-2 text-sm text-bg focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
              >
                Skip to content
              </a>
              <SiteHeader />
              <main
                id="main"
                tabIndex={-1}
                className="mx-auto w-full max-w-6xl flex-1 px-4 pt-6 outline-none sm:px-6 sm:pt-10"
              >
                {children}
              </main>
              <SiteFooter />
              <Toaster />
            </PersonProvider>
          </ApiProvider>
        </ThemeProvider>
      </body>
    </html>
  )
}
