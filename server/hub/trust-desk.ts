import { ForgeError } from '../../kernel/errors.ts'
import type { ExecutorKind } from '../../kernel/receipt.ts'
import { type LiveStanding, newStanding } from '../../kernel/verification/reputation.ts'
import type { CheckedResults, Incident, TrustStore } from '../memory/trust-store.ts'
import type { PassedChecks } from './core/events.ts'

/** Passed checks are stored so often at most: one statement for all agents. A hub that is killed forgets as many of them. */
const INTERVAL_MS = 5000

/** Gathers what checks find of agents, and asks the store what an agent is let in with. */
export class TrustDesk {
  readonly #store: TrustStore
  readonly #failedToStore: (error: unknown) => void
  #passed = new Map<string, CheckedResults>()
  #failed: Incident[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #storing: Promise<void> = Promise.resolve()

  constructor(store: TrustStore, failedToStore: (error: unknown) => void) {
    this.#store = store
    this.#failedToStore = failedToStore
  }

  passed(results: readonly PassedChecks[]): void {
    for (const { agent, executor, valid } of results) {
      const key = `${agent} ${executor}`
      this.#passed.set(key, { agent, executor, valid: valid + (this.#passed.get(key)?.valid ?? 0) })
    }
    this.#wait()
  }

  failed(incident: Incident): void {
    this.#failed.push(incident)
    this.#wait()
  }

  /**
   * @returns what the agent begins with
   * @throws ForgeError FORBIDDEN while the executor is in quarantine, or its probe does not pass after one
   */
  async admit(
    agent: string,
    executor: ExecutorKind,
    said: { readonly ownerId: string; readonly probePassed: boolean },
  ): Promise<LiveStanding> {
    await this.flush()
    const admission = await this.#store.admit(agent, executor, said)
    switch (admission.t) {
      case 'admitted':
        return newStanding(admission.checks, admission.probation, admission.blacklistable)
      case 'quarantined':
        throw new ForgeError('FORBIDDEN', `this agent gave a wrong result: ${admission.reason}`, {
          hint: `Its ${executor} is in quarantine until ${admission.until.toISOString()}, and is then let in on probation. Its owner may say on the devices page that it is mended.`,
        })
      case 'unmended':
        throw new ForgeError('FORBIDDEN', `this agent gave a wrong result: ${admission.reason}`, {
          hint: `Its quarantine is over, but its conformance probe of ${executor} does not pass: mend the device or its driver.`,
        })
      default:
        return admission satisfies never
    }
  }

  /** Stores what has been gathered; what the store does not take is kept for the next time. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const passed = [...this.#passed.values()]
    const failed = this.#failed
    this.#passed = new Map()
    this.#failed = []
    if (passed.length + failed.length > 0)
      this.#storing = this.#storing.then(() => this.#storeAll(passed, failed))
    await this.#storing
  }

  async #storeAll(passed: readonly CheckedResults[], failed: readonly Incident[]): Promise<void> {
    let kept = { passed, failed }
    try {
      await this.#store.passed(passed)
      kept = { passed: [], failed }
      await this.#store.failed(failed)
    } catch (error) {
      this.#failedToStore(error)
      this.passed(kept.passed)
      this.#failed.unshift(...kept.failed)
    }
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref()
  }
}
