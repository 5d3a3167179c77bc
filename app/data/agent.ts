'use client'

import { useSyncExternalStore } from 'react'
import { type AgentClient, createAgentClient } from '../../agent-runtime/client.ts'
import type { GovernorSettings } from '../../agent-runtime/governor.ts'
import type { Proof } from '../../agent-runtime/prove.ts'
import type { ExecutorChoice } from '../../agent-runtime/select.ts'
import type { AgentStatus } from '../../agent-runtime/status.ts'
import type { ClaimChallenge, ClaimProof } from '../../kernel/claim.ts'
import type { HexDigest } from '../../kernel/digest.ts'
import type { ForgeErrorJson } from '../../kernel/errors.ts'
import { forgeErrorOf } from './errors.ts'

export interface StartRequest {
  readonly executor: ExecutorChoice
  readonly ownerToken: string | undefined
  /** Families of ops; undefined: all. */
  readonly causes: readonly string[] | undefined
}

interface AgentView {
  /** Undefined until the worker has said anything. */
  readonly status: AgentStatus | undefined
  /** Why the last command failed. */
  readonly error: ForgeErrorJson | undefined
  readonly starting: boolean
}

const NOTHING: AgentView = { status: undefined, error: undefined, starting: false }

/**
 * The tab's one agent. It belongs to the tab and not to a page: moving to another page of the site neither stops nor
 * doubles it. Its worker is started by the first command.
 */
class AgentStore {
  readonly #listeners = new Set<() => void>()
  #client: AgentClient | undefined
  #view: AgentView = NOTHING

  readonly view = (): AgentView => this.#view

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  readonly start = async ({ executor, ownerToken, causes }: StartRequest): Promise<void> => {
    this.#set({ starting: true, error: undefined })
    await this.#attempt((client) =>
      client.start({
        executor,
        ...(ownerToken === undefined ? {} : { ownerToken }),
        ...(causes === undefined ? {} : { causes }),
      }),
    )
    this.#set({ starting: false })
  }

  pause(): Promise<void> {
    return this.#attempt((client) => client.pause())
  }

  resume(): Promise<void> {
    return this.#attempt((client) => client.resume())
  }

  stop(): Promise<void> {
    return this.#attempt((client) => client.stop())
  }

  configure(settings: Partial<GovernorSettings>): Promise<void> {
    return this.#attempt((client) => client.configure(settings))
  }

  /** @throws ForgeError when the worker cannot run */
  prove(): Promise<Proof> {
    return this.#open().prove()
  }

  /** Id of the agent that has run in this browser, if any. @throws ForgeError when the worker cannot run */
  agentId(): Promise<HexDigest | undefined> {
    return this.#open().agentId()
  }

  /**
   * A new key for this browser's agent, which takes over at its next start.
   * @returns its id; undefined when none has run here. @throws ForgeError when the worker cannot run
   */
  rotateKey(): Promise<HexDigest | undefined> {
    return this.#open().rotateKey()
  }

  /** Answers an account's challenge with this browser's key. @throws ForgeError when the worker cannot run */
  claim(challenge: ClaimChallenge): Promise<ClaimProof | undefined> {
    return this.#open().claim(challenge)
  }

  #open(): AgentClient {
    if (this.#client === undefined) {
      this.#client = createAgentClient()
      this.#client.subscribe((status) => this.#set({ status }))
    }
    return this.#client
  }

  async #attempt(command: (client: AgentClient) => Promise<void>): Promise<void> {
    try {
      await command(this.#open())
    } catch (error) {
      const forge = forgeErrorOf(error)
      // A dead worker answers no further call: the next command starts another.
      if (forge.code === 'UNAVAILABLE') {
        this.#client?.close()
        this.#client = undefined
        this.#set({ status: undefined })
      }
      this.#set({ error: forge })
    }
  }

  #set(change: Partial<AgentView>): void {
    this.#view = { ...this.#view, ...change }
    for (const listener of [...this.#listeners]) listener()
  }
}

export const agentStore = new AgentStore()

export function useAgent(): AgentView {
  return useSyncExternalStore(agentStore.subscribe, agentStore.view, () => NOTHING)
}
