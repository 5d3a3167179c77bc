import type { OwnerRow } from '../memory/ports/owners.ts'
import type { Actor } from './actor.ts'
import type { OwnerService } from './owners.ts'
import type { TokenService } from './tokens.ts'

/** For whom an agent works. */
export interface AgentOwner {
  readonly owner: OwnerRow
  /** The node token that says so. Its end is the end of the sessions that used it. */
  readonly tokenId: string | undefined
}

export interface AgentOwnerPorts {
  readonly owners: Pick<OwnerService, 'ofNetwork' | 'ofActor'>
  readonly tokens: Pick<TokenService, 'resolve' | 'holds'>
}

/**
 * The node token's owner; else who has signed in with the cookies of the connection; else the network it comes from.
 * A guest's agent is his network's: what he earns must not hang on a session that may be gone tomorrow.
 * @throws ForgeError UNAUTHENTICATED for a token that names nobody or was revoked
 */
export async function ownerOfAgent(
  ports: AgentOwnerPorts,
  agent: {
    readonly token: string | undefined
    readonly identify: () => Promise<Actor>
    readonly remoteAddress: string
  },
): Promise<AgentOwner> {
  if (agent.token !== undefined) return ports.tokens.resolve('node_token', agent.token)
  const actor = await agent.identify()
  const owner =
    actor.kind === 'user'
      ? await ports.owners.ofActor(actor)
      : await ports.owners.ofNetwork(agent.remoteAddress)
  return { owner, tokenId: undefined }
}
