import type { inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '../../server/trpc/router.ts'

/** A job as the wire delivers it: `JobView` without `readonly`, which TanStack Query's types insist on. */
export type Job = inferRouterOutputs<AppRouter>['jobs']['get']
