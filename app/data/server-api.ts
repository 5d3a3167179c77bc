import { createTRPCClient, httpBatchLink } from '@trpc/client'
import { headers } from 'next/headers'
import type { AppRouter } from '../../server/trpc/router.ts'

const DEFAULT_PORT = 3000
/** A page waits no longer than this for its own server, then shows its error state. */
const TIMEOUT_MS = 10_000

/** What a loopback call passes on of the visitor's own request: who he is, and where he is. */
const PASSED_ON = ['cookie', 'x-forge-client-address'] as const

/**
 * The API for server components: tRPC over loopback with the visitor's cookies. Next's bundle and the server share no
 * module instance, so a direct call would meet a second database pool and a second hub.
 */
export async function serverApi() {
  const visitor = await headers()
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = visitor.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return createTRPCClient<AppRouter>({
    links: [
      httpBatchLink({
        url: `http://127.0.0.1:${process.env.PORT ?? DEFAULT_PORT}/api/trpc`,
        // By the token the server believes that this call is for that visitor.
        headers: {
          ...Object.fromEntries(passedOn),
          'x-forge-pages-token': process.env.FORGE_PAGES_TOKEN ?? '',
        },
        fetch: (input, init) =>
          fetch(input, {
            ...(init as RequestInit),
            cache: 'no-store',
            signal: AbortSignal.timeout(TIMEOUT_MS),
          }),
      }),
    ],
  })
}
