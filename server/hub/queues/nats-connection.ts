import { connect, type NatsConnection } from '@nats-io/transport-node'
import { ForgeError } from '../../../kernel/errors.ts'

const RECONNECT_MS = 500
const CONNECT_LIMIT_MS = 5_000

/**
 * Connects to NATS, and goes on trying for ever when the connection breaks later.
 * @param urls `nats://user:password@host:4222` or `tls://…`, several of one cluster with commas between
 * @throws ForgeError UNAVAILABLE, in words that do not hold the password
 */
export async function connectNats(urls: string, name: string): Promise<NatsConnection> {
  const servers = urls.split(',').map((url) => new URL(url.trim()))
  const [first] = servers
  const user = decodeURIComponent(first?.username ?? '')
  const pass = decodeURIComponent(first?.password ?? '')
  const hosts = servers.map(({ hostname, port }) => `${hostname}:${port || '4222'}`)
  try {
    return await connect({
      servers: hosts,
      name,
      timeout: CONNECT_LIMIT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      ...(servers.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
      ...(user === '' ? {} : pass === '' ? { token: user } : { user, pass }),
    })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ForgeError('UNAVAILABLE', `NATS at ${hosts.join(', ')} cannot be reached: ${why}`, {
      hint: 'Check NATS_URL and that nats-server runs there with JetStream, or unset NATS_URL: PostgreSQL alone is enough.',
      cause,
    })
  }
}
