import { verifyAsync } from '@noble/ed25519'
import type { DeviceView } from '../../kernel/api/devices.ts'
import type { AgentView } from '../../kernel/api.ts'
import { type ClaimProof, claimBytes } from '../../kernel/claim.ts'
import { hexToBytes, sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { ExecutorKind } from '../../kernel/receipt.ts'
import type { ChallengeStore } from '../memory/embed-ports.ts'
import type { AgentRow, AgentStore } from '../memory/ports/agents.ts'
import type { CreditStore } from '../memory/ports/credits.ts'
import type { TrustStore } from '../memory/trust-store.ts'
import type { Actor } from './actor.ts'
import { authorise, authoriseOwner, MISSING } from './authorise.ts'
import { ClaimChallenges } from './claim-challenges.ts'
import type { HubSessions } from './hub-port.ts'
import { CORE_LIMITS } from './limits.ts'

/** A person's agents: what they are, what they did and earned, and whether their keys still count. */
export interface DeviceService {
  /** The actor's own, the one seen last first; at most CORE_LIMITS.devices_listed. */
  list(actor: Actor): Promise<DeviceView[]>
  /** @param name null takes the name away. @throws ForgeError NOT_FOUND */
  rename(actor: Actor, id: string, name: string | null): Promise<DeviceView>
  /** The key is refused from now on and its sessions end; idempotent. @throws ForgeError NOT_FOUND */
  revoke(actor: Actor, id: string): Promise<DeviceView>
  /**
   * Ends an executor's quarantine at its owner's word that it is mended: it may enrol again, on a longer probation.
   * @throws ForgeError NOT_FOUND; CONFLICT when it is not in quarantine, or was appealed to a short while ago
   */
  appeal(actor: Actor, id: string, executor: ExecutorKind): Promise<DeviceView>
  /** Something for a device's key to sign, for this actor alone. */
  claimChallenge(actor: Actor): { nonce: string; owner: string; expires_at: string }
  /**
   * Makes an anonymous agent the actor's, with what it has earned. A session under way goes on for its network: whoever
   * it votes for in a quorum does not change in the middle, and what it is paid for goes to the agent's owner of then.
   * @throws ForgeError CONFLICT for a challenge that is not open; FORBIDDEN for a signature that is not the key's;
   * NOT_FOUND when the agent is not known or belongs to somebody else
   */
  claim(actor: Actor, proof: ClaimProof): Promise<{ device: DeviceView; credits: number }>
}

export interface DevicePorts {
  readonly agents: AgentStore
  readonly hub: Pick<HubSessions, 'endAgentSessions'> & { agents(viewer?: string): readonly AgentView[] }
  readonly credits: Pick<CreditStore, 'claimAgent' | 'earnedBy'>
  readonly trust: Pick<TrustStore, 'ofAgents' | 'appeal'>
  readonly challenges: { readonly secret: string; readonly store: ChallengeStore }
  /** The time of day, milliseconds since 1970. */
  readonly now_ms?: () => number
}

const REVOKED = 'its owner has revoked this key'

export function createDeviceService({
  agents,
  hub,
  credits,
  trust,
  challenges: spendable,
  now_ms = Date.now,
}: DevicePorts): DeviceService {
  const challenges = new ClaimChallenges({ ...spendable, now_ms })

  const views = async (ownerId: string, rows: readonly AgentRow[]): Promise<DeviceView[]> => {
    const connected = new Map(hub.agents(ownerId).map((agent) => [agent.id, agent]))
    const ids = rows.map(({ id }) => id)
    const earned = await credits.earnedBy(ownerId, ids)
    const reputations = await trust.ofAgents(ids)
    return rows.map((row) => ({
      ...deviceView(row, connected.get(row.id), earned.get(row.id) ?? 0),
      ...reputationView(reputations.get(row.id), new Date(now_ms())),
    }))
  }

  /** @throws ForgeError NOT_FOUND when the actor has no such device */
  const own = async (
    actor: Actor,
    action: 'devices.manage' | 'devices.claim',
    id: string,
  ): Promise<DeviceView> => {
    const row = await agents.get(id)
    authorise(actor, action, row === undefined ? MISSING : { ownerId: row.owner_id })
    const [view] = row === undefined ? [] : await views(row.owner_id, [row])
    if (view === undefined) throw new ForgeError('NOT_FOUND', 'there is no such device')
    return view
  }

  return {
    async list(actor) {
      const { ownerId } = authoriseOwner(actor, 'devices.read')
      return views(ownerId, await agents.ofOwner(ownerId, CORE_LIMITS.devices_listed))
    },

    async rename(actor, id, name) {
      const { ownerId } = authoriseOwner(actor, 'devices.manage')
      await agents.rename(id, ownerId, name)
      return own(actor, 'devices.manage', id)
    },

    async revoke(actor, id) {
      const { ownerId } = authoriseOwner(actor, 'devices.manage')
      if (await agents.revoke(id, ownerId)) hub.endAgentSessions(({ agent }) => agent === id, REVOKED)
      return own(actor, 'devices.manage', id)
    },

    async appeal(actor, id, executor) {
      await own(actor, 'devices.manage', id)
      if (!(await trust.appeal(id, executor))) {
        throw new ForgeError('CONFLICT', `the device's ${executor} cannot be appealed for now`, {
          hint: 'An appeal is for an executor in quarantine, once in a day.',
        })
      }
      return own(actor, 'devices.manage', id)
    },

    claimChallenge(actor) {
      const { ownerId } = authoriseOwner(actor, 'devices.claim')
      const { nonce, expires_ms } = challenges.issue(ownerId)
      return { nonce, owner: ownerId, expires_at: new Date(expires_ms).toISOString() }
    },

    async claim(actor, { public_key, nonce, signature }) {
      const { ownerId } = authoriseOwner(actor, 'devices.claim')
      await challenges.take(ownerId, nonce)
      const key = hexToBytes(public_key)
      const signed = await verifyAsync(hexToBytes(signature), claimBytes({ nonce, owner: ownerId }), key, {
        zip215: false,
      })
      if (!signed) {
        throw new ForgeError('FORBIDDEN', 'the signature is not that of this key over this challenge', {
          path: 'signature',
        })
      }
      const id = sha256Hex(key)
      const moved = await credits.claimAgent(id, ownerId)
      return { device: await own(actor, 'devices.claim', id), credits: moved }
    },
  }
}

type Reputation = Awaited<ReturnType<TrustStore['ofAgents']>> extends ReadonlyMap<string, infer R> ? R : never

function reputationView(
  reputation: Reputation | undefined,
  now: Date,
): Pick<DeviceView, 'trust' | 'incidents'> {
  return {
    trust: (reputation?.trust ?? []).map((row) => ({
      ...row,
      state: row.quarantined_until !== null ? 'quarantined' : row.probation > 0 ? 'probation' : 'checked',
      // Past its time it is let in with the next probe that passes.
      quarantined_until:
        row.quarantined_until === null || row.quarantined_until <= now
          ? null
          : row.quarantined_until.toISOString(),
    })),
    incidents: (reputation?.incidents ?? []).map(({ created_at, ...incident }) => ({
      ...incident,
      at: created_at.toISOString(),
    })),
  }
}

function deviceView(
  row: AgentRow,
  connected: AgentView | undefined,
  credits: number,
): Omit<DeviceView, 'trust' | 'incidents'> {
  return {
    id: row.id,
    name: row.name,
    software: row.software,
    first_seen: row.first_seen.toISOString(),
    last_seen: row.last_seen.toISOString(),
    revoked_at: row.revoked_at?.toISOString() ?? null,
    connected: connected !== undefined,
    causes: connected?.causes ?? null,
    shards: row.shards,
    leases: row.leases,
    credits,
    executors: row.executors.map((one) => ({ ...one, last_seen: one.last_seen?.toISOString() ?? null })),
    ops: [...row.ops],
  }
}
