import type { z } from 'zod'
import { schemaError } from '../kernel/contract.ts'
import { ForgeError } from '../kernel/errors.ts'
import {
  type Challenge,
  challengeInput,
  challengeOutput,
  contractInput,
  contractOutput,
  type EnrolInput,
  type EnrolOutput,
  enrolInput,
  enrolOutput,
  type HubMessage,
  leasesInput,
  type ReleaseInput,
  type ResultInput,
  type ResultOutput,
  releaseInput,
  resultInput,
  resultOutput,
  trackedHubMessage,
} from '../kernel/protocol.ts'
import { type Clock, within } from './clock.ts'
import type { HubConnection } from './hub-transport.ts'
import { AGENT_LIMITS } from './limits.ts'

/**
 * The calls of kernel/protocol.ts on one connection. The hub is not trusted: every answer is parsed. Inputs are parsed
 * as well, because a message that does not fit the protocol would cost the agent its connection.
 */
export class HubClient {
  readonly #connection: HubConnection
  readonly #clock: Clock

  constructor(connection: HubConnection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** A proof-of-work challenge, good for one enrolment. */
  challenge(signal: AbortSignal): Promise<Challenge> {
    return this.#call('query', 'hub.challenge', challengeInput, {}, challengeOutput, signal)
  }

  enrol(input: EnrolInput, signal: AbortSignal): Promise<EnrolOutput> {
    return this.#call('mutation', 'hub.enrol', enrolInput, input, enrolOutput, signal)
  }

  /** @returns the contract's canonical form */
  async contract(session: string, contract_hash: string, signal: AbortSignal): Promise<string> {
    const input = { session, contract_hash }
    return (await this.#call('query', 'hub.contract', contractInput, input, contractOutput, signal)).canonical
  }

  result(input: ResultInput, signal: AbortSignal): Promise<ResultOutput> {
    return this.#call('mutation', 'hub.result', resultInput, input, resultOutput, signal)
  }

  async release(input: ReleaseInput, signal: AbortSignal): Promise<void> {
    await this.#call('mutation', 'hub.release', releaseInput, input, undefined, signal)
  }

  /**
   * @param lastEventId of the last message seen, to hear what came after it
   * @param ended called when the hub ends the subscription, or sends what is not a message of the protocol
   * @returns stops listening
   */
  leases(
    session: string,
    lastEventId: string | undefined,
    heard: (id: string, message: HubMessage) => void,
    ended: (error: ForgeError) => void,
  ): () => void {
    const input = leasesInput.parse({ session, ...(lastEventId === undefined ? {} : { lastEventId }) })
    let open = true
    const stop = this.#connection.subscribe('hub.leases', input, {
      data(value) {
        if (!open) return
        const parsed = trackedHubMessage.safeParse(value)
        if (parsed.success) {
          heard(parsed.data.id, parsed.data.data)
          return
        }
        open = false
        ended(schemaError(parsed.error, 'MESSAGE_INVALID', 'hub.leases'))
      },
      ended(error) {
        if (!open) return
        open = false
        ended(error)
      },
    })
    return () => {
      open = false
      stop()
    }
  }

  async #call<I, O>(
    kind: 'query' | 'mutation',
    path: string,
    inputSchema: z.ZodType<I>,
    input: I,
    outputSchema: z.ZodType<O> | undefined,
    signal: AbortSignal,
  ): Promise<O> {
    const checked = inputSchema.safeParse(input)
    if (!checked.success) throw schemaError(checked.error, 'MESSAGE_INVALID', path)
    const late = () => new ForgeError('UNAVAILABLE', `the hub did not answer ${path} in time`)
    const answer = await within(
      this.#clock,
      AGENT_LIMITS.call_timeout_ms,
      late,
      this.#connection.call(kind, path, checked.data, signal),
    )
    if (outputSchema === undefined) return undefined as O
    const parsed = outputSchema.safeParse(answer)
    if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', path)
    return parsed.data
  }
}
