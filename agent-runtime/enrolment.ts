import { ForgeError } from '../kernel/errors.ts'
import type { ProbeReport } from '../kernel/probe-report.ts'
import {
  type EnrolInput,
  type EnrolOutput,
  PROTOCOL_VERSION,
  type SiteEnrolment,
} from '../kernel/protocol.ts'
import { solveChallenge } from './challenge.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
import type { HubClient } from './hub-client.ts'
import type { Identity } from './identity.ts'
import { AGENT_LIMITS } from './limits.ts'

/** What an agent tells of itself when it enrols. */
export interface Enrolling {
  readonly executor: Pick<Executor, 'kind' | 'label' | 'memory_bytes'>
  readonly identity: Identity
  /** The key that `identity` takes over from. */
  readonly succeeds?: EnrolInput['succeeds']
  /** Name and version, as in `forge-agent/0.1.0`. */
  readonly software: string
  readonly ownerToken?: string | undefined
  /** The partner's site in whose page this agent runs. */
  readonly site?: SiteEnrolment | undefined
  /** Families of ops that the contributor chose; undefined: all. */
  readonly causes?: readonly string[] | undefined
  /** Shown beside the executor's label. */
  readonly name?: string | undefined
  /** Work units per second, as measured at start. */
  readonly speed?: number | undefined
  /** What was found about executors at start. */
  readonly probe?: readonly ProbeReport[] | undefined
}

/**
 * Enrols, and does the work that the hub asks of newcomers first if it asks for it.
 * @throws ForgeError what the hub refuses with; MESSAGE_INVALID when it has enrolled another key
 */
export async function enrol(hub: HubClient, who: Enrolling, signal: AbortSignal): Promise<EnrolOutput> {
  const input = enrolmentOf(who)
  // Only the hub knows whom it counts this agent for, and so whether it asks for proof of work.
  const enrolment = await hub.enrol(input, signal).catch(async (thrown: unknown) => {
    if (asForgeError(thrown).code !== 'CHALLENGE_REQUIRED') throw thrown
    const challenge = await solveChallenge(await hub.challenge(signal), signal)
    return hub.enrol({ ...input, challenge }, signal)
  })
  if (enrolment.agent_id !== who.identity.keyId) {
    throw new ForgeError('MESSAGE_INVALID', 'the hub enrolled another key than this agent has')
  }
  return enrolment
}

function enrolmentOf(who: Enrolling): EnrolInput {
  const { executor, identity, software, ownerToken, site, causes, speed, probe, name, succeeds } = who
  const { memory_bytes } = executor
  const label = name === undefined ? executor.label : `${name}: ${executor.label}`
  return {
    v: PROTOCOL_VERSION,
    public_key: identity.publicKey,
    executor: { kind: executor.kind, label: label.slice(0, AGENT_LIMITS.label_chars) },
    software,
    window: AGENT_LIMITS.lease_window,
    ...(causes === undefined ? {} : { causes: [...causes] }),
    ...(memory_bytes === undefined ? {} : { capability: { memory_bytes } }),
    ...(speed === undefined ? {} : { speed }),
    ...(probe === undefined ? {} : { probe: [...probe] }),
    ...(ownerToken === undefined ? {} : { owner_token: ownerToken }),
    ...(site === undefined ? {} : { site }),
    ...(succeeds === undefined ? {} : { succeeds }),
  }
}
