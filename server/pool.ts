import path from 'node:path'
import type { Split } from '../kernel/bill.ts'
import { bytesEqual } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry } from '../kernel/job.ts'
import { formatVkey, NOTE_SIGNATURE, parseVkey } from '../kernel/ledger/signed-note.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { createSignIn } from './accounts/lazy-sign-in.ts'
import type { Mailer } from './accounts/mail.ts'
import { programRoot } from './config.ts'
import { createAccountService } from './core/accounts.ts'
import { createBlobService } from './core/blobs.ts'
import { createChallengeService } from './core/challenges.ts'
import { ConsentWatch } from './core/consent-watch.ts'
import { createCreditService } from './core/credits.ts'
import { createDeviceService } from './core/devices.ts'
import { createEmbedService } from './core/embed.ts'
import { UNFINISHED_STATES } from './core/job-view.ts'
import { createJobService } from './core/jobs.ts'
import type { Log } from './core/log.ts'
import { createOwnerService } from './core/owners.ts'
import { createProofService } from './core/proofs.ts'
import { createReplayDesk } from './core/replay.ts'
import { createSiteService } from './core/sites.ts'
import { createTokenService } from './core/tokens.ts'
import { createEvidenceService } from './evidence/evidence.ts'
import { hubKeyFile, openHubKey } from './evidence/hub-key.ts'
import { IncidentDesk } from './evidence/incidents.ts'
import { Publisher } from './evidence/publisher.ts'
import { Recorder } from './evidence/recorder.ts'
import { openSigningKey, type SigningKey } from './evidence/signing-keys.ts'
import { Cosigners, type Witness } from './evidence/witnesses.ts'
import type { ClientAddress } from './http/client-address.ts'
import { loadEmbedAssets } from './http/embed-assets.ts'
import { createIdentify } from './http/identify.ts'
import { RateLimits, type RateRules } from './http/rate-limits.ts'
import { loadSchemas } from './http/schema-route.ts'
import type { HttpServer, Site } from './http/server.ts'
import type { ResultChecker } from './hub/checking/checker.ts'
import { Hub } from './hub/hub.ts'
import type { HubLog } from './hub/options.ts'
import { openBus } from './hub/queues/nats-bus.ts'
import { openChunkQueue } from './hub/queues/open-chunk-queue.ts'
import type { Referee } from './hub/referee/referee.ts'
import { taps } from './hub/tap.ts'
import { createAgentStore } from './memory/agent-store.ts'
import { createBlobAccessStore } from './memory/blob-access-store.ts'
import { openFileBlobStore } from './memory/blob-store-files.ts'
import { createClusterStore } from './memory/cluster-store.ts'
import { createChallengeStore, createConsentStore } from './memory/consent-store.ts'
import { createCorrectionStore } from './memory/correction-store.ts'
import { createCreditStore } from './memory/credit-store.ts'
import type { Database } from './memory/database.ts'
import { createJobStore } from './memory/job-store.ts'
import { Leadership } from './memory/leadership.ts'
import { createOwnerStore } from './memory/owner-store.ts'
import type { RecordStore } from './memory/ports/records.ts'
import { createRecordStore } from './memory/record-store.ts'
import { createReplayStore } from './memory/replay-store.ts'
import { createResultStore } from './memory/result-store.ts'
import { createSiteStore } from './memory/site-store.ts'
import { openTileStore } from './memory/tile-store-files.ts'
import { createTokenStore } from './memory/token-store.ts'
import { createTrustStore } from './memory/trust-store.ts'
import { createUserStore } from './memory/user-store.ts'
import { Metrics } from './observe/metrics.ts'
import type { JobTraces } from './observe/traces.ts'
import { unreadiness } from './readiness.ts'
import { Projection } from './realtime/projection.ts'
import { createRoomServer } from './realtime/room-server.ts'

const TOKEN_REVOKED = 'its node token was revoked'
/** Holds are given up this often when their time is over. */
const HOLD_SWEEP_MS = 60_000

export interface PoolOptions {
  readonly database: Database
  /** NATS with JetStream, which hands out chunks; undefined: PostgreSQL does. */
  readonly natsUrl?: string | undefined
  /** Holds the folders `blobs`, `log` and `keys`. */
  readonly dataDir: string
  readonly referee: Referee
  readonly checker: ResultChecker
  readonly houseAgent: boolean
  readonly witnesses: readonly Witness[]
  readonly split: Split
  /** Credits for a new account. */
  readonly testGrant: number
  /** Public origin of the site: `https://pool.example`. */
  readonly origin: string
  /** Signs cookies and mail links. */
  readonly secret: string
  /** What scripts/build-embed.mjs wrote. */
  readonly embedFolder: string
  readonly clientAddress: ClientAddress
  /** Undefined: RATE_LIMITS. */
  readonly rateRules?: RateRules
  readonly mailer: Mailer
  readonly http: HttpServer
  /** Undefined: every op of the network. */
  readonly ops?: OpRegistry
  /** Most shards in one lease. Undefined: the protocol's limit. */
  readonly leaseShards?: number
  /** Socket by which agents reach this very hub: others name it when they stop. */
  readonly hubAddress?: string | undefined
  /** Agents' sockets, and watchers' as many again, that one address may have open. Undefined: a household's. */
  readonly socketsPerHost?: number
  /** Without one there are no pages, only the API. */
  readonly site: Site | undefined
  readonly dev: boolean
  readonly log: Log
  /** Makes the traces; it is told how to find the job of a lease. */
  readonly traces?: (jobOf: (lease_id: string) => string | undefined) => JobTraces
  readonly metricsToken?: string | undefined
  /** The process should end: the database does not know its hub any more. */
  readonly fatal: (error: ForgeError) => void
}

export interface Pool {
  readonly epoch: number
  /** The house agent's token: the given one if it still names the house, else a new one. */
  houseToken(kept: string | undefined): Promise<string>
  /** Agents finish what they have, and get nothing new; newcomers are sent away. Ends at the limit or the signal. */
  drain(limit_ms: number, signal: AbortSignal): Promise<void>
  /** Agents and watchers are sent away with a reason; what was accepted is made durable. */
  close(): Promise<void>
}

/** Wires stores, services, hub, live rooms and the HTTP server, in the order in which they need each other. */
export async function startPool(options: PoolOptions): Promise<Pool> {
  const { database, http, mailer, log, ops = OPS } = options
  const sites = createSiteStore(database)
  const jobs = createJobStore(database, { split: options.split, sites })
  const results = createResultStore(database.pool)
  const agents = createAgentStore(database)
  const owners = createOwnerService(createOwnerStore(database))
  const blobs = await openFileBlobStore(path.join(options.dataDir, 'blobs'))
  const tokens = createTokenService({
    store: createTokenStore(database),
    revoked: (id) => void hub.endAgentSessions(({ tokenId }) => tokenId === id, TOKEN_REVOKED),
  })
  const signIn = createSignIn({
    database,
    mailer,
    origin: options.origin,
    secret: options.secret,
    people: {
      came: async (person) => void (await owners.ofPerson(person)),
      renamed: ({ userId, name }) => owners.rename(userId, name),
      claimed: async (guest, account) => {
        const [from, to] = [await owners.ofPerson(guest), await owners.ofPerson(account)]
        await credits.moveOwner(from.id, to.id)
        hub.ownerMoved(from.id, to.id)
      },
    },
    log,
  })

  const trust = createTrustStore(database)
  const records = createRecordStore(database)
  const hubKey = openHubKey(hubKeyFile(options.dataDir), records)
  const logKey = await openSigningKey(path.join(options.dataDir, 'keys', 'log.pem'))
  const publisher = await openLog(records, logKey, options)
  await hubKey.current()
  const cosigners = new Cosigners(options.witnesses, records, publisher, (level, message, fields) =>
    log[level](message, fields),
  )
  const corrections = createCorrectionStore(database)
  const incidents = new IncidentDesk({
    ops: OPS,
    jobs,
    results,
    records,
    blobs,
    corrections,
    referee: options.referee,
    hubKey,
    log: (level, message, fields) => log[level](message, fields),
  })
  const metrics = new Metrics({
    hub: () => hub.figures(),
    pool: () => ({
      total: database.pool.totalCount,
      idle: database.pool.idleCount,
      waiting: database.pool.waitingCount,
    }),
    ledger: async () => ({ stored: await records.size(), published: (await records.head())?.size ?? 0 }),
  })
  const traces = options.traces?.((lease_id) => hub.jobOfLease(lease_id))
  const recorder = new Recorder({
    ops,
    jobs,
    results,
    records,
    blobs,
    hubKey,
    publisher,
    compare: (record, batch) => incidents.compare(record, batch),
    published: async () => {
      await cosigners.cosign()
      incidents.poke()
    },
    recorded: (recorded) => {
      metrics.recorded(recorded.length)
      for (const { job_id, entry, began, appended, published } of recorded)
        traces?.recorded(job_id, entry, began, appended, published)
    },
    log: (level, message, fields) => log[level](message, fields),
  })

  // Records are made, and chores done, by one of the servers of this database.
  const leadership = new Leadership(database.url, {
    gained: () => recorder.poke(),
    failed: (error) => log.warn('cluster.leadership_failed', { error }),
  })
  const cluster = createClusterStore(database)
  const nats = await openNats(options.natsUrl)
  const hubLog: HubLog = (level, message, fields) => log[level](message, fields)
  const bus = await openBus({ database, nats, log: hubLog })
  let projection: Projection | undefined
  const jobShown = (id: string) => {
    projection?.refreshRecent()
    rooms.recheck({ kind: 'job', id }).catch((error) => log.warn('room.recheck_failed', { id, error }))
  }
  const hub = await Hub.start({
    jobs,
    results,
    blobs,
    agents,
    trust,
    cluster: { store: cluster, bus },
    chunks: await openChunkQueue({ database, results, nats, log: hubLog }),
    referee: options.referee,
    checker: options.checker,
    leaseKey: () => hubKey.current(),
    houseAgent: options.houseAgent,
    secret: options.secret,
    ops,
    leaseShards: options.leaseShards,
    address: options.hubAddress,
    listener: {
      jobChanged: (jobId, room) => {
        projection?.jobChanged(jobId, room)
        if (room.state === 'settled' && leadership.isLeader) recorder.poke()
      },
      networkChanged: (stats) => projection?.networkChanged(stats),
      watchesJob: (id) => projection?.watches({ kind: 'job', id }) === true,
      watchesNetwork: () => projection?.watches({ kind: 'network' }) === true,
      jobMoved: () => projection?.refreshRecent(),
      jobLetGo: (jobId, state) => {
        void projection?.jobLetGo(jobId)
        if (state === 'settled' && leadership.isLeader) recorder.poke()
      },
      jobShown,
      personLeft: (session) => rooms.cut((actor) => 'sessionId' in actor && actor.sessionId === session),
    },
    tap: traces === undefined ? metrics : taps([metrics, traces]),
    log: hubLog,
    fatal: options.fatal,
  })
  const blobService = createBlobService(blobs, createBlobAccessStore(database))
  projection = new Projection({ ops, jobs, results, hub, log })
  const rooms = createRoomServer({
    source: projection,
    socketsPerHost: options.socketsPerHost,
    log,
  })
  projection.publishTo(rooms)

  const creditStore = createCreditStore(database.pool)
  const credits = createCreditService({
    store: creditStore,
    jobs,
    isRunning: (jobId) => hub.progress(jobId) !== undefined,
    testGrant: options.testGrant,
  })
  const sweep = setInterval(() => {
    if (!leadership.isLeader) return
    credits.expireOverdue().catch((error: unknown) => log.warn('credits.sweep_failed', { error }))
    cluster.sweep().catch((error: unknown) => log.warn('cluster.sweep_failed', { error }))
  }, HOLD_SWEEP_MS)
  sweep.unref()

  const spendable = { secret: options.secret, store: createChallengeStore(database) }
  const consents = createConsentStore(database)
  const watch = new ConsentWatch({ consents, hub, log })
  http.serve({
    services: {
      jobs: createJobService({
        ops,
        jobs,
        records,
        blobs: blobService,
        hub,
        replays: createReplayDesk(createReplayStore(database), blobs, (message, fields) =>
          log.warn(message, fields),
        ),
        credits,
        visibilityChanged: jobShown,
      }),
      proofs: createProofService({ jobs, results }),
      evidence: createEvidenceService({
        ops,
        jobs,
        results,
        records,
        blobs,
        tiles: openTileStore(path.join(options.dataDir, 'log')),
        publisher,
        witnessKeys: cosigners.keys,
      }),
      accounts: createAccountService({
        users: createUserStore(database),
        passwordFits: signIn.passwordFits,
        signedOut: (userId) => rooms.cut((actor) => 'userId' in actor && actor.userId === userId),
        erased: async (ownerId) => {
          hub.endAgentSessions((session) => session.ownerId === ownerId, 'its account was erased')
          for (const { id } of await jobs.unfinished(ownerId)) {
            if (!(await hub.cancel(id))) await jobs.transition(id, UNFINISHED_STATES, 'cancelled')
          }
        },
      }),
      owners,
      tokens,
      devices: createDeviceService({ agents, hub, credits: creditStore, trust, challenges: spendable }),
      blobs: blobService,
      credits,
      sites: createSiteService({ sites, hub, watch }),
      embed: createEmbedService({ sites, consents, watch }),
      challenges: createChallengeService(spendable),
      hub,
    },
    hub,
    rooms,
    signIn,
    identify: createIdentify({ signIn, owners, tokens, hub }),
    origin: options.origin,
    clientAddress: options.clientAddress,
    limits: new RateLimits(options.rateRules, (name) => metrics.limited(name)),
    meter: metrics,
    operator: {
      unready: () => unreadiness(database, hub),
      metrics: () => metrics.exposition(),
      metricsToken: options.metricsToken,
    },
    socketsPerHost: options.socketsPerHost,
    site: options.site,
    embedAssets: await loadEmbedAssets(options.embedFolder),
    schemas: await loadSchemas(path.join(programRoot(), 'public', 'schemas')),
    dev: options.dev,
    log,
  })

  await leadership.stand()

  return {
    epoch: hub.epoch,
    houseToken: async (kept) => tokens.house(await owners.house(), kept),
    drain(limit_ms, signal) {
      http.drain()
      return hub.drain(limit_ms, signal)
    },
    async close() {
      watch.close()
      incidents.close()
      clearInterval(sweep)
      projection?.close()
      rooms.close()
      await http.close()
      await mailer.close()
      await hub.close()
      await recorder.close()
      await incidents.idle()
      await traces?.close()
      await leadership.close()
      await bus.close()
      await nats?.close()
    },
  }
}

/** NATS where it is used: its client is loaded only then. @throws ForgeError UNAVAILABLE */
async function openNats(urls: string | undefined) {
  if (urls === undefined) return undefined
  const { connectNats } = await import('./hub/queues/nats-connection.ts')
  return connectNats(urls, 'forge-hub')
}

/**
 * The ledger under its name, which the first start chose.
 * @throws ForgeError UNAVAILABLE when the key on disk is not the one that the database knows
 */
async function openLog(
  records: RecordStore,
  { publicKey, sign }: SigningKey,
  { origin, dataDir }: Pick<PoolOptions, 'origin' | 'dataDir'>,
): Promise<Publisher> {
  const proposed = { name: `${new URL(origin).host}/log`, type: NOTE_SIGNATURE, publicKey } as const
  const kept = await records.identity({ origin: proposed.name, vkey: formatVkey(proposed) })
  const key = parseVkey(kept.vkey)
  if (!bytesEqual(key.publicKey, publicKey)) {
    throw new ForgeError('UNAVAILABLE', `keys/log.pem is not the key of the ledger ${kept.origin}`, {
      hint: 'Restore the file from your backup: a ledger keeps its key.',
    })
  }
  return new Publisher({ records, tiles: openTileStore(path.join(dataDir, 'log')), key, sign })
}
