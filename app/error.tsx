'use client'

import { useEffect } from 'react'
import { Button } from './components/ui/button.tsx'

/**
 * What a visitor sees when a page fails. Next replaces the messages of server errors by a digest, on purpose: the
 * message may hold what only the operator should read. The digest finds it in the server's log.
 */
export default function ErrorPage({ error, retry }: { readonly error: unknown; readonly retry: () => void }) {
  useEffect(() => console.error(error), [error])
  const digest = error instanceof Error && 'digest' in error ? String(error.digest) : undefined
  return (
    <div role="alert" className="max-w-xl py-10">
      <h1 className="text-3xl font-semibold tracking-tight">This page could not be shown</h1>
      <p className="mt-3 text-muted">
        The site did not get an answer from its own server, or the answer was not what this page expects. Jobs
        are not affected: they go on without this page.
      </p>
      {digest === undefined ? null : (
        <p className="num mt-3 text-xs text-muted">Error {digest} in the server’s log</p>
      )}
      <Button tone="primary" className="mt-6" onClick={retry}>
        Try again
      </Button>
    </div>
  )
}
