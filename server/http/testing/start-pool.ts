import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SHARD_POINTS } from '../../../kernel/ops/mc-pi/args.ts'
import type { Mail } from '../../accounts/mail.ts'
import { createLog } from '../../core/log.ts'
import type { Witness } from '../../evidence/witnesses.ts'
import { localChecker } from '../../hub/checking/local-checker.test-support.ts'
import { referenceReferee } from '../../hub/referee/reference-referee.test-support.ts'
import { createTestDatabase, type TestDatabase } from '../../memory/testing/test-database.ts'
import { type Pool, type PoolOptions, startPool } from '../../pool.ts'
import { createClientAddress } from '../client-address.ts'
import type { RateRules } from '../rate-limits.ts'
import { createHttpServer } from '../server.ts'
import { rulesWith } from './rate-rules.ts'

const inThreadReferee = referenceReferee()

/** All of a file's people come from one address and in one minute. */
const PATIENT = rulesWith(1, {
  sign_up: 10_000,
  guest: 10_000,
  sign_in_host: 10_000,
  mail_host: 10_000,
  example: 10_000,
  token: 10_000,
})

const PAGES_TOKEN = 'the token of a test'

/** Credits of every new account of a test pool. */
export const TEST_GRANT = 1_000_000
export const TEST_SPLIT = { contributor_permille: 800, site_permille: 100 }

export interface RunningPool extends Pool {
  readonly port: number
  /** `http://127.0.0.1:<port>` */
  readonly url: string
}

export interface TestPool {
  readonly database: TestDatabase
  readonly dataDir: string
  /** What was logged as an error or a warning. */
  readonly complaints: readonly string[]
  /** What was handed over to be mailed. */
  readonly mails: readonly Mail[]
  /** Starts a server process's worth of pool on the same database and data. */
  start(port?: number, rateRules?: RateRules, witnesses?: readonly Witness[]): Promise<RunningPool>
  /** Closes what is running, drops the database, removes the data. */
  dispose(): Promise<void>
}

export interface TestPoolOptions {
  /** Where the embed was built; without it there is none. */
  readonly embedFolder?: string
  readonly traces?: PoolOptions['traces']
  readonly metricsToken?: string
  /** Default: this machine, so that a test may speak from anywhere. */
  readonly trustedProxies?: readonly string[]
}

/** Everything of the product but the pages and the house agent, on a database of its own and an ephemeral port. */
export async function createTestPool(options: TestPoolOptions = {}): Promise<TestPool> {
  const database = await createTestDatabase()
  const dataDir = await mkdtemp(path.join(tmpdir(), 'forge-pool-test-'))
  const complaints: string[] = []
  const mails: Mail[] = []
  const open = new Set<RunningPool>()
  return {
    database,
    dataDir,
    complaints,
    mails,
    async start(port = 0, rateRules = PATIENT, witnesses = []) {
      const http = createHttpServer()
      await new Promise<void>((resolve, reject) => {
        http.server.once('error', reject)
        http.server.listen({ host: '127.0.0.1', port }, resolve)
      })
      const bound = (http.server.address() as AddressInfo).port
      const pool = await startPool({
        database,
        dataDir,
        referee: inThreadReferee,
        checker: localChecker,
        houseAgent: false,
        hubAddress: `ws://127.0.0.1:${bound}/agent`,
        witnesses,
        split: TEST_SPLIT,
        testGrant: TEST_GRANT,
        origin: `http://127.0.0.1:${bound}`,
        mailer: { post: (mail) => mails.push(mail), close: async () => {} },
        rateRules,
        clientAddress: createClientAddress({
          trustedProxies: options.trustedProxies ?? ['loopback'],
          pagesToken: PAGES_TOKEN,
        }),
        secret: 'the secret of a test, long enough',
        embedFolder: options.embedFolder ?? path.join(dataDir, 'no embed'),
        http,
        ...(options.traces === undefined ? {} : { traces: options.traces }),
        metricsToken: options.metricsToken,
        site: undefined,
        dev: false,
        log: createLog('warn', (line) => complaints.push(line)),
        fatal: (error) => complaints.push(error.message),
      })
      const running: RunningPool = {
        ...pool,
        port: bound,
        url: `http://127.0.0.1:${bound}`,
        async close() {
          open.delete(running)
          await pool.close()
        },
      }
      open.add(running)
      return running
    },
    async dispose() {
      for (const pool of [...open]) await pool.close()
      await database.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** A contract of `mc@1/pi.v1` with so many shards, of which the last has an eighth of the others' points (0.3 s of a core). */
export function piContract(seed: string, shards = 1): Record<string, unknown> {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: (shards - 1) * SHARD_POINTS + SHARD_POINTS / 8 },
    seed: { mode: 'explicit', value: seed },
    verify: { mode: 'quorum', k: 2 },
  }
}
