import { bytesToHex, sha256 } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { EnrolInput, EnrolOutput, ReleaseInput, ResultOutput } from '../../kernel/protocol.ts'
import type { ReceivedResult } from '../../kernel/protocol-result.ts'
import type { LiveStanding } from '../../kernel/verification/reputation.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { CoreLoop } from './core-loop.ts'
import { checkResult } from './intake.ts'
import type { JobTable } from './job-table.ts'
import { LeaseSigners } from './lease-signer.ts'
import type { HubOptions } from './options.ts'
import type { Listener } from './outbox.ts'
import type { SessionNames } from './session-names.ts'
import type { SessionConnection, SessionTable } from './session-table.ts'
import { takeOver } from './succession.ts'
import type { TrustDesk } from './trust-desk.ts'

export interface AgentDeskPorts
  extends Pick<HubOptions, 'agents' | 'blobs' | 'checker' | 'leaseKey' | 'tap' | 'log'> {
  readonly loop: CoreLoop
  readonly sessions: SessionTable
  readonly names: Pick<SessionNames, 'make'>
  readonly running: JobTable
  readonly trust: Pick<TrustDesk, 'admit' | 'flush'>
  readonly commits: Pick<CommitQueue, 'addReceipt'>
  /** Sessions were ended here; the cause stands in the database, where the other hubs find it. */
  ended(): void
}

/** Names sessions by whom they speak for. */
export type WhichSessions = (session: SessionConnection & { readonly agent: string }) => boolean

/** What agents ask of a hub, and the end of their sessions. */
export class AgentDesk {
  readonly #ports: AgentDeskPorts
  readonly #signers = new LeaseSigners()
  /** Leases whose result is being checked: nobody's second one is looked at meanwhile. */
  readonly #checking = new Set<string>()

  constructor(ports: AgentDeskPorts) {
    this.#ports = ports
  }

  /** @throws ForgeError FORBIDDEN for a revoked key or an executor in quarantine, RATE_LIMITED when the hub is full */
  async enrol(input: EnrolInput, connection: SessionConnection): Promise<EnrolOutput> {
    const { agents, loop, names, sessions, trust } = this.#ports
    const agent = bytesToHex(sha256(input.public_key))
    const consent = connection.site?.consent
    // One agent a consent: this one takes the place of what the same page enrolled before.
    if (consent !== undefined)
      this.endSessions(({ site }) => site?.consent === consent, 'this page has enrolled anew')
    const id = names.make(loop.epoch)
    const signer = this.#signers.of(await this.#ports.leaseKey())
    // On the table first: a revocation that comes while the agent is being stored finds the session there.
    sessions.add(id, agent, connection, input, signer)
    const said = {
      id: agent,
      public_key: input.public_key,
      owner_id: connection.ownerId,
      executor: input.executor.kind,
      label: input.executor.label,
      software: input.software,
      site_id: connection.site?.siteId ?? null,
    }
    let standing: LiveStanding | undefined
    try {
      if (input.succeeds !== undefined) {
        // What was found of the old key must not be left behind on its way into the store.
        await trust.flush()
        const old = await takeOver(input, said.site_id, agents)
        if (old !== undefined)
          this.endAgentSessions(({ agent: one }) => one === old, 'another key has taken its place')
      }
      const { kind } = input.executor
      const report = input.probe?.find((one) => one.kind === kind)
      if (await agents.enrolled(said, input.probe ?? [])) {
        standing = await trust.admit(agent, kind, {
          ownerId: connection.ownerId,
          // Executors other than a GPU have no probe of their own to show.
          probePassed: report?.ok ?? kind !== 'webgpu',
        })
      }
      if (standing === undefined || !sessions.has(id)) {
        throw new ForgeError('FORBIDDEN', 'the owner of this agent has revoked its key', {
          hint: 'Start it with a new key: --rotate-key, or “New key” on the devices page in its browser.',
        })
      }
    } catch (error) {
      sessions.remove(id)
      throw error
    }
    loop.apply({
      t: 'session.joined',
      session: {
        id,
        agent,
        owner: connection.ownerId,
        network: connection.network,
        executor: input.executor.kind,
        window: input.window,
        causes: input.causes,
        memory_bytes: input.capability?.memory_bytes,
      },
      claimed_speed: input.speed,
      standing,
    })
    return {
      session: id,
      agent_id: agent,
      owner: connection.ownerLabel.slice(0, 120),
      epoch: loop.epoch,
      hub_key: signer.publicKey,
    }
  }

  /** Ends sessions for good: each agent hears the reason and stops. @returns how many were ended */
  endAgentSessions(which: WhichSessions, reason: string): number {
    const ended = this.endSessions(which, reason)
    this.#ports.ended()
    return ended
  }

  /** The same, where the other hubs know the cause already or it does not concern them. */
  endSessions(which: WhichSessions, reason: string): number {
    const { loop, sessions } = this.#ports
    const ids = sessions.idsOf(which)
    for (const session of ids) {
      loop.apply({ t: 'session.ended', session, reason })
      sessions.remove(session)
    }
    return ids.length
  }

  /**
   * What the hub says to the agent, from now on or, after an interruption, from the last message that it has seen.
   * @returns stops listening
   * @throws ForgeError UNAUTHENTICATED when the session is not known (any more): enrol again
   */
  listen(
    input: { readonly session: string; readonly lastEventId?: string | null | undefined },
    listener: Listener,
  ): () => void {
    const { loop, sessions } = this.#ports
    const session = sessions.get(input.session)
    session.outbox.open(listener)
    const seen = Number(input.lastEventId ?? 0)
    loop.apply({
      t: 'session.listening',
      session: session.id,
      after_lease: Number.isSafeInteger(seen) ? seen : 0,
    })
    return () => {
      if (!session.outbox.isOpenFor(listener)) return
      session.outbox.leave()
      loop.apply({ t: 'session.silent', session: session.id })
    }
  }

  /** @throws ForgeError UNAUTHENTICATED | NOT_FOUND */
  async contract(session: string, contractHash: string): Promise<{ canonical: string }> {
    this.#ports.sessions.get(session)
    const canonical = this.#ports.running.contract(contractHash)
    if (canonical === undefined) throw new ForgeError('NOT_FOUND', 'no running job has this contract')
    return { canonical }
  }

  /** @throws ForgeError UNAUTHENTICATED; MESSAGE_INVALID | DIGEST_MISMATCH when the result is wrong by itself */
  async result(input: ReceivedResult): Promise<ResultOutput> {
    const { blobs, checker, commits, loop, running, sessions, tap, log } = this.#ports
    const session = sessions.get(input.session)
    const lease = loop.state.leases.get(input.lease_id)
    const runtime = lease === undefined ? undefined : running.get(lease.job.id)
    if (
      lease === undefined ||
      runtime === undefined ||
      lease.session.id !== session.id ||
      input.epoch !== loop.epoch ||
      this.#checking.has(lease.id)
    ) {
      tap?.notHeld()
      return { outcome: 'not_held' }
    }
    this.#checking.add(lease.id)
    try {
      if (input.executor !== session.executor)
        throw new ForgeError(
          'MESSAGE_INVALID',
          `enrolled as ${session.executor}, executed as ${input.executor}`,
        )
      const receipt = await checkResult(input, {
        job: runtime.job,
        lease,
        epoch: loop.epoch,
        agent: session.agent,
        hub: session.signer.hub,
        publicKey: session.publicKey,
        software: session.software,
        blobs,
        checker,
      })
      const outcome = loop.apply({
        t: 'result.received',
        session: session.id,
        lease_id: lease.id,
        digests: input.digests,
        leaves: input.leaves,
      })
      // A canary's answer is no copy of the job's: its evidence has no place for it.
      if (outcome === 'received' && lease.canary === undefined) {
        commits.addReceipt({
          job_id: lease.job.id,
          agent: session.agent,
          receipt,
          signature: input.signature,
        })
      }
      return { outcome: outcome ?? 'not_held' }
    } catch (error) {
      if (
        !(error instanceof ForgeError) ||
        (error.code !== 'MESSAGE_INVALID' && error.code !== 'DIGEST_MISMATCH')
      )
        throw error
      log('warn', 'a result was refused', {
        agent: session.agent,
        lease: lease.id,
        reason: error.message,
      })
      loop.apply({ t: 'result.invalid', session: session.id, lease_id: lease.id, reason: error.message })
      throw error
    } finally {
      this.#checking.delete(lease.id)
    }
  }

  /** Gives leases back unexecuted. Unknown ones are ignored: they were taken back before. */
  async release(input: ReleaseInput): Promise<void> {
    const { loop, sessions } = this.#ports
    const session = sessions.get(input.session)
    // Whoever pauses or stops is still subscribed for a moment: what he gives back must not be handed to him again,
    // where it would lie until his connection is given up. A resumed agent subscribes anew.
    if (input.reason === 'paused' || input.reason === 'stopped')
      loop.apply({ t: 'session.silent', session: session.id })
    loop.apply({ t: 'lease.released', session: session.id, lease_ids: input.lease_ids })
  }
}
