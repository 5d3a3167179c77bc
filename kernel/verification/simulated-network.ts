import type { Verify } from '../contract.ts'
import { philox4x32 } from '../numerics/philox.ts'
import { canaryRate } from './canary.ts'
import { groupDoubt, type Standing, verificationStep } from './policy.ts'

/**
 * A network of agents that executes a job shard by shard under the real policy: who is asked, what is checked, what is
 * found. Wrong results of colluding saboteurs agree with each other. One found wrong is shut out, and what rested on its
 * word alone is executed again, as the hub does until a job is settled.
 */

export interface Saboteur {
  /** Share of its results that are wrong. */
  readonly rate: number
  /** Colluders are wrong on the same shards, and say the same. */
  readonly colludes: boolean
  /** Checks that it passes honestly first. */
  readonly sleeps: number
}

export interface NetworkSetup {
  readonly seed: number
  readonly verify: Verify
  readonly honest: number
  readonly saboteurs: readonly Saboteur[]
  /** A saboteur that was shut out comes back at once under another key. */
  readonly keysCostNothing: boolean
}

export interface Figures {
  readonly shards: number
  /** Executions by agents and by the referee, those of shards executed again included. */
  readonly copies: number
  readonly wrong: number
  /** Sum of the modelled doubts of what was accepted. */
  readonly doubt: number
  readonly caught: number
  /** Executions of shards whose result was known; `copies` has them as well. */
  readonly canaries: number
}

/** A fifth of a hundred agents, half of them in one conspiracy, of rates from every result to one in a thousand. */
export function mixedSaboteurs(sleeps = 0): readonly Saboteur[] {
  return Array.from({ length: 20 }, (_, i) => ({
    rate: [1, 0.3, 0.1, 0.01, 0.001][i % 5] ?? 1,
    colludes: i % 2 === 0,
    sleeps,
  }))
}

interface Agent extends Standing {
  checks: number
  readonly saboteur: Saboteur | undefined
  /** Accepted on its word alone: how many, and how many of them are wrong. */
  single: number
  singleWrong: number
}

export class SimulatedNetwork {
  readonly #setup: NetworkSetup
  readonly #agents: Agent[]
  readonly #words = new Uint32Array(4)
  #draws = 0
  #shards = 0
  #copies = 0
  #wrong = 0
  #doubt = 0
  #caught = 0
  #canaries = 0

  constructor(setup: NetworkSetup) {
    this.#setup = setup
    this.#agents = [
      ...Array.from({ length: setup.honest }, () => this.#newcomer(undefined)),
      ...setup.saboteurs.map((saboteur) => this.#newcomer(saboteur)),
    ]
  }

  /** Checks of the agent that has the fewest. */
  get leastChecks(): number {
    return this.#agents.reduce((least, { checks }) => Math.min(least, checks), Number.POSITIVE_INFINITY)
  }

  /** Executes so many shards more. */
  run(shards: number): Figures {
    const before = {
      shards: this.#shards,
      copies: this.#copies,
      wrong: this.#wrong,
      doubt: this.#doubt,
      caught: this.#caught,
      canaries: this.#canaries,
    }
    for (let i = 0; i < shards; i++) this.#shard()
    return {
      shards: this.#shards - before.shards,
      copies: this.#copies - before.copies,
      wrong: this.#wrong - before.wrong,
      doubt: this.#doubt - before.doubt,
      caught: this.#caught - before.caught,
      canaries: this.#canaries - before.canaries,
    }
  }

  #newcomer(saboteur: Saboteur | undefined): Agent {
    return {
      checks: 0,
      blacklistable: !this.#setup.keysCostNothing,
      isOnProbation: false,
      saboteur,
      single: 0,
      singleWrong: 0,
    }
  }

  #draw(): number {
    const counter = this.#draws++
    philox4x32(this.#words, counter >>> 0, Math.floor(counter / 2 ** 32), 0, 0, this.#setup.seed >>> 0, 1)
    return (this.#words[0] as number) / 2 ** 32
  }

  #shard(): void {
    this.#shards++
    const asked: Agent[] = []
    const said: boolean[] = []
    // One draw says what all colluders do with this shard.
    const common = this.#draw()
    for (;;) {
      const agent = this.#someone(asked)
      if (this.#draw() < canaryRate(this.#setup.verify, agent) && !this.#passesCanary(agent)) continue
      asked.push(agent)
      said.push(this.#isWrong(agent, common))
      this.#copies++
      const step = verificationStep(this.#setup.verify, asked)
      const isDisputed = said.some((wrong) => wrong !== said[0]) || this.#contradicts(asked, said)
      if (isDisputed || (step.t === 'close' && step.audit > 0 && this.#draw() < step.audit)) {
        this.#referee(asked, said)
        return
      }
      if (step.t === 'close') {
        this.#accept(asked, said[0] === true)
        return
      }
    }
  }

  /** Asks for what is known, on a shard of its own. */
  #passesCanary(agent: Agent): boolean {
    this.#canaries++
    this.#copies++
    if (this.#isWrong(agent, this.#draw())) {
      this.#shutOut(agent)
      return false
    }
    agent.checks++
    return true
  }

  #someone(but: readonly Agent[]): Agent {
    for (;;) {
      const agent = this.#agents[Math.floor(this.#draw() * this.#agents.length)] as Agent
      if (!but.includes(agent)) return agent
    }
  }

  #isWrong({ saboteur, checks }: Agent, common: number): boolean {
    if (saboteur === undefined || checks < saboteur.sleeps) return false
    return (saboteur.colludes ? common : this.#draw()) < saboteur.rate
  }

  /** Wrong results agree only among colluders. */
  #contradicts(asked: readonly Agent[], said: readonly boolean[]): boolean {
    return asked.length > 1 && said[0] === true && asked.some(({ saboteur }) => saboteur?.colludes !== true)
  }

  #accept(agents: readonly Agent[], isWrong: boolean): void {
    this.#doubt += groupDoubt(agents)
    if (isWrong) this.#wrong++
    const [only] = agents
    if (only !== undefined && agents.length === 1) {
      only.single++
      if (isWrong) only.singleWrong++
      return
    }
    for (const agent of agents) agent.checks++
  }

  #referee(agents: readonly Agent[], said: readonly boolean[]): void {
    this.#copies++
    for (const [at, agent] of agents.entries()) {
      if (said[at] === true) this.#shutOut(agent)
      else agent.checks++
    }
  }

  #shutOut(agent: Agent): void {
    this.#caught++
    this.#copies += agent.single
    this.#wrong -= agent.singleWrong
    const at = this.#agents.indexOf(agent)
    if (this.#setup.keysCostNothing) this.#agents[at] = this.#newcomer(agent.saboteur)
    else this.#agents.splice(at, 1)
  }
}
