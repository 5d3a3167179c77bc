import { proxy, type Remote, releaseProxy, wrap } from 'comlink'
import type { ClaimChallenge, ClaimProof } from '../kernel/claim.ts'
import type { HexDigest } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import type { SiteEnrolment } from '../kernel/protocol.ts'
import type { GovernorSettings } from './governor.ts'
import type { Proof } from './prove.ts'
import type { ExecutorChoice } from './select.ts'
import type { SensorReading } from './sensors.ts'
import { watchPage } from './sensors-page.ts'
import type { AgentStatus } from './status.ts'
import { installErrorTransfer } from './transfer-errors.ts'
import type { AgentWorkerApi } from './worker-api.ts'

export interface AgentClientOptions {
  /** `auto`: the faster of those that compute correctly on this device. */
  readonly executor: ExecutorChoice
  /** Names the owner; without one the owner is this device's network. */
  readonly ownerToken?: string
  /** Address of another site's hub; default: this page's. */
  readonly hubUrl?: string
  /** The partner's site in whose page this agent runs, with the visitor's consent. */
  readonly site?: SiteEnrolment
  /** Families of ops to compute, such as `mc`; default: all. */
  readonly causes?: readonly string[]
}

/** Calls back with each new reading, the first one at once. @returns stops the watching */
export type WatchSensors = (changed: (reading: SensorReading) => void) => () => void

/** The agent as a page uses it. Its worker starts with the first call; it computes nothing before `start` or `prove`. */
export interface AgentClient {
  /** The owner's consent. @throws ForgeError CONFLICT when started already */
  start(options: AgentClientOptions): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  /** Gives held work back; resolves when nothing runs any more. */
  stop(): Promise<void>
  configure(settings: Partial<GovernorSettings>): Promise<void>
  /** @returns stops the listening */
  subscribe(changed: (status: AgentStatus) => void): () => void
  /** One shard here on GPU and CPU, beside a float kernel that differs. Needs no hub. */
  prove(): Promise<Proof>
  /**
   * The answer to `devices.claimChallenge`, for `devices.claim`: this browser's agent becomes the account's.
   * @returns undefined when no agent has ever run in this browser
   */
  claim(challenge: ClaimChallenge): Promise<ClaimProof | undefined>
  /**
   * Makes a new key, which takes over from this browser's present one at the next start: the hub hands on to it what it knows
   * of the old one and refuses that from then on. @returns its id; undefined when no agent has ever run here
   */
  rotateKey(): Promise<HexDigest | undefined>
  /** Id of this browser's agent; undefined when none has ever run here. */
  agentId(): Promise<HexDigest | undefined>
  /** Ends the worker at once; held leases fall back to the hub when it notices. */
  close(): void
}

interface Opened {
  readonly worker: Worker
  readonly api: Remote<AgentWorkerApi>
  readonly unwatch: () => void
  /** Rejects when the worker dies; calls race with it, since Comlink would wait for ever. */
  readonly died: Promise<never>
}

/**
 * Safe to call while a page renders on a server: nothing is opened yet.
 * @param watch what the agent knows of its surroundings; default: the page's visibility, network and battery
 */
export function createAgentClient(watch: WatchSensors = watchPage): AgentClient {
  const listeners = new Set<(status: AgentStatus) => void>()
  let opened: Opened | undefined
  let latest: AgentStatus | undefined

  const open = (): Opened => {
    if (opened !== undefined) return opened
    installErrorTransfer()
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      type: 'module',
      name: 'forge-agent',
    })
    const api = wrap<AgentWorkerApi>(worker)
    const died = new Promise<never>((_, reject) => {
      worker.onerror = (event) => {
        reject(
          new ForgeError(
            'UNAVAILABLE',
            `the agent's worker failed: ${event.message || 'its script could not be loaded'}`,
          ),
        )
      }
    })
    died.catch(() => undefined)
    const hear = (status: AgentStatus) => {
      latest = status
      for (const listener of [...listeners]) listener(status)
    }
    void api.subscribe(proxy(hear))
    const unwatch = watch((reading) => void api.sense(reading))
    opened = { worker, api, unwatch, died }
    return opened
  }
  const call = <T>(work: (api: Remote<AgentWorkerApi>) => Promise<T>): Promise<T> => {
    const { api, died } = open()
    return Promise.race([work(api), died])
  }

  return {
    start: ({ executor, ownerToken, hubUrl, site, causes }) =>
      call((api) =>
        api.start({ executor, hubUrl: hubUrl ?? window.location.origin, ownerToken, site, causes }),
      ),
    pause: () => call((api) => api.pause()),
    resume: () => call((api) => api.resume()),
    stop: () => call((api) => api.stop()),
    configure: (settings) => call((api) => api.configure(settings)),
    prove: () => call((api) => api.prove()),
    claim: ({ nonce, owner }) => call((api) => api.claim({ nonce, owner })),
    rotateKey: () => call((api) => api.rotateKey()),
    agentId: () => call((api) => api.agentId()),
    subscribe(changed) {
      listeners.add(changed)
      if (latest !== undefined) changed(latest)
      return () => {
        listeners.delete(changed)
      }
    },
    close() {
      opened?.unwatch()
      opened?.api[releaseProxy]()
      opened?.worker.terminate()
      opened = undefined
      latest = undefined
    },
  }
}
