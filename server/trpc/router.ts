import { accountRouter } from './account.ts'
import { agentsRouter } from './agents.ts'
import { creditsRouter } from './credits.ts'
import { devicesRouter } from './devices.ts'
import { guestRouter } from './guest.ts'
import { createCallerFactory, router } from './init.ts'
import { jobsRouter } from './jobs.ts'
import { ledgerRouter } from './ledger.ts'
import { networkRouter } from './network.ts'
import { sitesRouter } from './sites.ts'
import { keysRouter, nodeTokensRouter } from './tokens.ts'

export const appRouter = router({
  jobs: jobsRouter,
  network: networkRouter,
  ledger: ledgerRouter,
  agents: agentsRouter,
  credits: creditsRouter,
  account: accountRouter,
  guest: guestRouter,
  devices: devicesRouter,
  keys: keysRouter,
  nodeTokens: nodeTokensRouter,
  sites: sitesRouter,
})

export type AppRouter = typeof appRouter

/** For REST: the same procedures, called in the process. */
export const createCaller = createCallerFactory(appRouter)
