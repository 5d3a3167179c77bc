import { ForgeError } from '../kernel/errors.ts'

/** Where a hub is reached. */
export interface HubAddress {
  /** `ws:` or `wss:`, with the path of the hub's socket. */
  readonly socket: string
  /** `http:` or `https:` origin of the site, which serves the blobs. */
  readonly origin: string
}

/**
 * @param told sockets of other hubs, as a hub that stops names them
 * @returns those that an agent of the site may go to, none less secure than the site's own
 */
export function otherSockets(home: HubAddress, told: readonly string[]): readonly string[] {
  const protocols = home.socket.startsWith('wss:') ? ['wss:'] : ['wss:', 'ws:']
  return told.filter((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol))
}

/** The hub's socket on every site. */
const HUB_PATH = '/agent'

/**
 * @param text address of the site (`https://pool.example`) or of the hub's socket (`wss://pool.example/agent`)
 * @throws ForgeError CONTRACT_INVALID when it is neither
 */
export function parseHubAddress(text: string): HubAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const secure = url?.protocol === 'https:' || url?.protocol === 'wss:'
  if (url === undefined || !(secure || url.protocol === 'http:' || url.protocol === 'ws:')) {
    throw new ForgeError(
      'CONTRACT_INVALID',
      `${JSON.stringify(text.slice(0, 200))} is not the address of a hub`,
      {
        path: 'hubUrl',
        hint: 'Write it like https://pool.example.',
      },
    )
  }
  const path = url.pathname === '/' ? HUB_PATH : url.pathname
  return {
    socket: `${secure ? 'wss' : 'ws'}://${url.host}${path}`,
    origin: `${secure ? 'https' : 'http'}://${url.host}`,
  }
}
