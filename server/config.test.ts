import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { programRoot, readConfig } from './config.ts'

describe('settings', () => {
  it('has a default for everything, also for empty variables', () => {
    const defaults = {
      root: programRoot(),
      host: '127.0.0.1',
      port: 3000,
      origin: undefined,
      secret: undefined,
      smtpUrl: undefined,
      mailFrom: undefined,
      trustedProxies: [],
      databaseUrl: undefined,
      dataDir: path.join(programRoot(), '.forge'),
      houseAgent: true,
      refereeCpuShare: 0.5,
      split: { contributor_permille: 800, site_permille: 100 },
      testGrant: 1_000_000,
      connections: 8192,
      socketsPerHost: 64,
      leaseShards: 4096,
      hubAddress: undefined,
      drain_ms: 10_000,
      witnesses: [],
      logLevel: 'info',
      metricsToken: undefined,
      traces: undefined,
    }
    expect(readConfig({})).toEqual(defaults)
    expect(readConfig({ PORT: '', DATABASE_URL: '', FORGE_LOG: '' })).toEqual(defaults)
  })

  it('reads every variable', () => {
    const config = readConfig({
      HOST: '::1',
      PORT: '0',
      FORGE_ORIGIN: 'https://Pool.example/',
      FORGE_SECRET: 'x'.repeat(32),
      SMTP_URL: 'smtp://me:hunter2@mail.example:587',
      MAIL_FROM: 'The pool <pool@pool.example>',
      FORGE_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8,2001:db8::1',
      DATABASE_URL: 'postgresql://forge:secret@db.example:5433/forge',
      NATS_URL: 'nats://hub:hunter2@a.example:4222, tls://b.example',
      FORGE_DATA_DIR: '/srv/forge',
      FORGE_HOUSE_AGENT: 'off',
      FORGE_REFEREE_CPU_SHARE: '0.25',
      FORGE_SHARE_CONTRIBUTOR: '700',
      FORGE_SHARE_SITE: '300',
      FORGE_TEST_GRANT: '0',
      FORGE_CONNECTIONS: '20000',
      FORGE_SOCKETS_PER_HOST: '1000',
      FORGE_LEASE_SHARDS: '64',
      FORGE_LOG: 'debug',
    })
    expect(config).toMatchObject({
      host: '::1',
      port: 0,
      origin: 'https://pool.example',
      secret: 'x'.repeat(32),
      smtpUrl: 'smtp://me:hunter2@mail.example:587',
      mailFrom: 'The pool <pool@pool.example>',
      trustedProxies: ['loopback', '10.0.0.0/8', '2001:db8::1'],
      databaseUrl: 'postgresql://forge:secret@db.example:5433/forge',
      natsUrl: 'nats://hub:hunter2@a.example:4222, tls://b.example',
      dataDir: path.resolve('/srv/forge'),
      houseAgent: false,
      refereeCpuShare: 0.25,
      split: { contributor_permille: 700, site_permille: 300 },
      testGrant: 0,
      connections: 20_000,
      socketsPerHost: 1000,
      leaseShards: 64,
      logLevel: 'debug',
    })
  })

  it.each([
    ['PORT', '65536', 'PORT="65536" must be a port number from 0 (any free port) to 65535'],
    ['PORT', '80.5', 'PORT="80.5" must be a whole number'],
    ['PORT', '0x50', 'PORT="0x50" must be a port number from 0 (any free port) to 65535'],
    ['HOST', 'a b', 'HOST="a b" must be a host name or an address'],
    ['FORGE_HOUSE_AGENT', 'yes', 'FORGE_HOUSE_AGENT="yes" must be "on" or "off"'],
    ['FORGE_REFEREE_CPU_SHARE', '-1', 'FORGE_REFEREE_CPU_SHARE="-1" must be a number from 0.01 to 1'],
    ['FORGE_SHARE_SITE', '1.5', 'FORGE_SHARE_SITE="1.5" must be a whole number of permille, 0 to 1000'],
    ['FORGE_SHARE_SITE', '201', 'FORGE_SHARE_CONTRIBUTOR and FORGE_SHARE_SITE exceed 1000 permille'],
    ['FORGE_TEST_GRANT', '-1', 'FORGE_TEST_GRANT="-1" must be a whole number of credits, 0 to 1000000000'],
    [
      'FORGE_ORIGIN',
      'https://pool.example/app',
      'FORGE_ORIGIN="https://pool.example/app" must be an origin such as https://pool.example, without a path',
    ],
    [
      'FORGE_TRUSTED_PROXIES',
      '10.0.0.0/8,proxy',
      'FORGE_TRUSTED_PROXIES="10.0.0.0/8,proxy" must be addresses or prefixes such as 10.0.0.0/8, or loopback, with commas between',
    ],
    [
      'SMTP_URL',
      'http://me:hunter2@h',
      'SMTP_URL must look like smtp://user:password@host:587 or smtps://host',
    ],
    ['MAIL_FROM', 'pool', 'MAIL_FROM="pool" must be an address, or a name and <an address>'],
    [
      'NATS_URL',
      'nats://a:hunter2@h/path',
      'NATS_URL must be nats://host:4222 or tls://…, with commas between several of one cluster',
    ],
    ['FORGE_SECRET', 'hunter2', 'FORGE_SECRET must have at least 32 characters'],
    ['FORGE_LOG', 'loud', 'FORGE_LOG="loud" must be one of silent, error, warn, info, debug'],
  ])('says in one line what is wrong with %s=%s', (name, value, message) => {
    expect(() => readConfig({ [name]: value })).toThrow(expect.objectContaining({ message, path: name }))
  })

  it('never shows the password of a wrong database URL', () => {
    expect(() => readConfig({ DATABASE_URL: 'mysql://u:hunter2@h/d' })).toThrow(
      'DATABASE_URL must look like postgresql://user:password@host:5432/database',
    )
  })
})
