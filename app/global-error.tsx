'use client'

import './globals.css'

/** The last resort, when the layout itself failed: it can rely on nothing but the style sheet. */
export default function GlobalError({ retry }: { readonly retry: () => void }) {
  return (
    <html lang="en">
      <body className="p-8">
        <h1 className="text-2xl font-semibold">Forge Pool could not be shown</h1>
        <p className="mt-3">Something went wrong in the page’s frame. Jobs are not affected.</p>
        <button type="button" className="mt-6 border px-4 py-2" onClick={retry}>
          Try again
        </button>
      </body>
    </html>
  )
}
