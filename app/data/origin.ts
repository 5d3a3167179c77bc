'use client'

import { useSyncExternalStore } from 'react'

const never = () => () => {}

/** The site's origin as this page was reached; empty until the page is alive, because the server does not know it. */
export function useOrigin(): string {
  return useSyncExternalStore(
    never,
    () => window.location.origin,
    () => '',
  )
}
