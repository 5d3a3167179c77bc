import { existsSync } from 'node:fs'
import path from 'node:path'
import proxyaddr from 'proxy-addr'
import { z } from 'zod'
import type { Split } from '../kernel/bill.ts'
import { ForgeError } from '../kernel/errors.ts'
import { LIMITS } from '../kernel/limits.ts'
import { parseWitnesses, type Witness } from './evidence/witnesses.ts'
import { AGENT_LIMITS, HTTP_LIMITS } from './http/limits.ts'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const onOff = z
  .enum(['on', 'off'], 'must be "on" or "off"')
  .default('on')
  .transform((word) => word === 'on')

const number = (low: number, high: number, what: string) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, what)
    .transform(Number)
    .refine((value) => value >= low && value <= high, what)

const permille = number(0, 1000, 'must be a whole number of permille, 0 to 1000').refine(
  Number.isInteger,
  'must be a whole number of permille, 0 to 1000',
)

const TEST_GRANT_MAX = 1_000_000_000
const credits = number(0, TEST_GRANT_MAX, `must be a whole number of credits, 0 to ${TEST_GRANT_MAX}`).refine(
  Number.isInteger,
  `must be a whole number of credits, 0 to ${TEST_GRANT_MAX}`,
)

/** Every setting that the environment can give. An unset or empty variable means its default. */
const environmentSchema = z.object({
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be a host name or an address')
    .default('127.0.0.1'),
  PORT: number(0, 65_535, 'must be a port number from 0 (any free port) to 65535')
    .refine(Number.isInteger, 'must be a whole number')
    .default(3000),
  DATABASE_URL: z
    .string()
    .refine(isPostgresUrl, 'must look like postgresql://user:password@host:5432/database')
    .optional(),
  NATS_URL: z
    .string()
    .max(2048, 'must be at most 2048 characters long')
    .refine(areNatsUrls, 'must be nats://host:4222 or tls://…, with commas between several of one cluster')
    .optional(),
  FORGE_ORIGIN: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://pool.example, without a path')
    .transform((text) => new URL(text).origin)
    .optional(),
  FORGE_SECRET: z.string().min(32, 'must have at least 32 characters').max(1024).optional(),
  SMTP_URL: z
    .string()
    .refine(isSmtpUrl, 'must look like smtp://user:password@host:587 or smtps://host')
    .optional(),
  MAIL_FROM: z
    .string()
    .regex(
      /^(?:[^<>\r\n]{1,100} <[^<>\s@]{1,64}@[^<>\s@]{1,253}>|[^<>\s@]{1,64}@[^<>\s@]{1,253})$/,
      'must be an address, or a name and <an address>',
    )
    .optional(),
  FORGE_TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((entry) => entry.trim()))
    .refine(
      areAddresses,
      'must be addresses or prefixes such as 10.0.0.0/8, or loopback, with commas between',
    )
    .default([]),
  FORGE_DATA_DIR: z.string().max(1024, 'must be at most 1024 characters long').optional(),
  FORGE_HOUSE_AGENT: onOff,
  FORGE_REFEREE_CPU_SHARE: number(0.01, 1, 'must be a number from 0.01 to 1').default(0.5),
  FORGE_SHARE_CONTRIBUTOR: permille.default(800),
  FORGE_SHARE_SITE: permille.default(100),
  FORGE_TEST_GRANT: credits.default(1_000_000),
  FORGE_CONNECTIONS: number(1, 1_000_000, 'must be a whole number from 1 to 1000000')
    .refine(Number.isInteger, 'must be a whole number from 1 to 1000000')
    .default(HTTP_LIMITS.connections),
  FORGE_SOCKETS_PER_HOST: number(1, 1_000_000, 'must be a whole number from 1 to 1000000')
    .refine(Number.isInteger, 'must be a whole number from 1 to 1000000')
    .default(AGENT_LIMITS.sockets_per_host),
  FORGE_LEASE_SHARDS: number(
    1,
    LIMITS.lease_shards,
    `must be a whole number from 1 to ${LIMITS.lease_shards}`,
  )
    .refine(Number.isInteger, `must be a whole number from 1 to ${LIMITS.lease_shards}`)
    .default(LIMITS.lease_shards),
  FORGE_HUB_ADDRESS: z
    .string()
    .max(LIMITS.hub_address_chars, `must be at most ${LIMITS.hub_address_chars} characters long`)
    .refine(isSocketUrl, 'must look like wss://hub-2.pool.example/agent')
    .optional(),
  FORGE_DRAIN_SECONDS: number(0, 300, 'must be a number of seconds, 0 to 300').default(10),
  FORGE_WITNESSES: z
    .string()
    .max(8192)
    .transform((text, context) => {
      try {
        return parseWitnesses(text)
      } catch (error) {
        context.addIssue({
          code: 'custom',
          message: error instanceof ForgeError ? error.message : 'is not valid',
        })
        return z.NEVER
      }
    })
    .default([]),
  FORGE_METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').max(1024).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine(isHttpUrl, 'must be the address of a collector, such as http://127.0.0.1:4318')
    .optional(),
  OTEL_SERVICE_NAME: z.string().min(1).max(100).default('forge-pool'),
  FORGE_LOG: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
})

export const SETTINGS: readonly string[] = Object.keys(environmentSchema.shape)

/** Variables that hold secrets: their values are never shown. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'FORGE_METRICS_TOKEN',
  'FORGE_SECRET',
  'NATS_URL',
  'SMTP_URL',
])

/** The settings of one server process. */
export interface Config {
  /** Folder of the program: holds `prisma/` and `node_modules/`. */
  readonly root: string
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Where people reach the site. Undefined: `http://localhost:<port>`. */
  readonly origin: string | undefined
  /** Signs cookies and mail links. Undefined: made once and kept in the data folder. */
  readonly secret: string | undefined
  /** Undefined: mail is written to the log. Holds a password. */
  readonly smtpUrl: string | undefined
  /** Sender of mail. Undefined: `no-reply` at the host of the origin. */
  readonly mailFrom: string | undefined
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined
  /** Servers of one NATS cluster with JetStream, which hands chunks out to hubs. Undefined: PostgreSQL does. */
  readonly natsUrl: string | undefined
  /** Absolute. Holds the embedded database (`pg`), blobs (`blobs`) and keys of this server. */
  readonly dataDir: string
  readonly houseAgent: boolean
  /** Share of this machine's processor time that the referee may use, 0.01 to 1. */
  readonly refereeCpuShare: number
  /** How a charge is divided; what the two leave is the network's. */
  readonly split: Split
  /** Credits that a new account is given to try the network with. */
  readonly testGrant: number
  /** Most TCP connections at once. */
  readonly connections: number
  /** Agents' sockets, and watchers' as many again, that one address may have open. */
  readonly socketsPerHost: number
  /** Most shards in one lease. */
  readonly leaseShards: number
  /** Socket by which agents reach this very hub, beside the address that hubs have in common. */
  readonly hubAddress: string | undefined
  /** How long agents may take, after SIGTERM, to return what they have. */
  readonly drain_ms: number
  /** Who cosigns the ledger's checkpoints. */
  readonly witnesses: readonly Witness[]
  readonly logLevel: LogLevel
  /** Who shows it may read the metrics from elsewhere than this machine. Undefined: nobody. */
  readonly metricsToken: string | undefined
  /** Where traces go, by OTLP over HTTP. Undefined: none are made. */
  readonly traces: { readonly endpoint: string; readonly service: string } | undefined
}

/**
 * Reads the settings from the environment.
 * @throws ForgeError ARGS_OUT_OF_RANGE, one line that names the variable, with the variable as path
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = environmentSchema.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const name = String(issue?.path[0] ?? 'environment')
    const shown = SECRET_NAMES.has(name) ? '' : `=${JSON.stringify(given[name])?.slice(0, 80)}`
    throw new ForgeError('ARGS_OUT_OF_RANGE', `${name}${shown} ${issue?.message ?? 'is not valid'}`, {
      path: name,
      hint: `Correct the environment variable ${name} or unset it.`,
    })
  }
  const settings = parsed.data
  const split = {
    contributor_permille: settings.FORGE_SHARE_CONTRIBUTOR,
    site_permille: settings.FORGE_SHARE_SITE,
  }
  if (split.contributor_permille + split.site_permille > 1000) {
    throw new ForgeError(
      'ARGS_OUT_OF_RANGE',
      'FORGE_SHARE_CONTRIBUTOR and FORGE_SHARE_SITE exceed 1000 permille',
      {
        path: 'FORGE_SHARE_SITE',
        hint: 'Lower one of them: together they are at most the whole price.',
      },
    )
  }
  const root = programRoot()
  return {
    root,
    host: settings.HOST,
    port: settings.PORT,
    origin: settings.FORGE_ORIGIN,
    secret: settings.FORGE_SECRET,
    smtpUrl: settings.SMTP_URL,
    mailFrom: settings.MAIL_FROM,
    trustedProxies: settings.FORGE_TRUSTED_PROXIES,
    databaseUrl: settings.DATABASE_URL,
    natsUrl: settings.NATS_URL,
    dataDir: path.resolve(root, settings.FORGE_DATA_DIR ?? '.forge'),
    houseAgent: settings.FORGE_HOUSE_AGENT,
    refereeCpuShare: settings.FORGE_REFEREE_CPU_SHARE,
    split,
    testGrant: settings.FORGE_TEST_GRANT,
    connections: settings.FORGE_CONNECTIONS,
    socketsPerHost: settings.FORGE_SOCKETS_PER_HOST,
    leaseShards: settings.FORGE_LEASE_SHARDS,
    hubAddress: settings.FORGE_HUB_ADDRESS,
    drain_ms: settings.FORGE_DRAIN_SECONDS * 1000,
    witnesses: settings.FORGE_WITNESSES,
    logLevel: settings.FORGE_LOG,
    metricsToken: settings.FORGE_METRICS_TOKEN,
    traces:
      settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : { endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT, service: settings.OTEL_SERVICE_NAME },
  }
}

/** The folder that holds `prisma/schema.prisma`, above this file: it is found from the sources and from a bundle. */
export function programRoot(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'prisma', 'schema.prisma'))) return folder
    if (folder === path.dirname(folder)) {
      throw new ForgeError('INTERNAL', `no folder above ${import.meta.dirname} holds prisma/schema.prisma`, {
        hint: 'Run the server from a complete copy of the program.',
      })
    }
  }
}

function isSmtpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return /^smtps?:$/.test(url.protocol) && url.hostname !== ''
}

function areAddresses(entries: string[]): boolean {
  try {
    proxyaddr.compile(entries)
    return true
  } catch {
    return false
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function isSocketUrl(text: string): boolean {
  return URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return /^https?:$/.test(url.protocol) && [url.origin, `${url.origin}/`].includes(text.toLowerCase())
}

function areNatsUrls(text: string): boolean {
  return text.split(',').every((url) => {
    if (!URL.canParse(url.trim())) return false
    const { protocol, hostname, pathname } = new URL(url.trim())
    return /^(nats|tls):$/.test(protocol) && hostname !== '' && ['', '/'].includes(pathname)
  })
}

function isPostgresUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1
}
