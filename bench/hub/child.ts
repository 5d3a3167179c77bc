import { type ChildProcess, fork } from 'node:child_process'
import type { z } from 'zod'
import { answerSchema, requestSchema } from './messages.ts'

/** A process of the benchmark, asked over its IPC channel. */
export class Child {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve(output: unknown): void; reject(error: Error): void }>()
  #next = 1
  #ended: Error | undefined
  readonly #exit: Promise<void>

  /** @param flags of Node itself */
  constructor(entry: string, flags: readonly string[] = []) {
    const child = fork(entry, {
      execArgv: [...flags],
      serialization: 'advanced',
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    this.#process = child
    child.on('message', (message) => {
      const { id, output, error } = answerSchema.parse(message)
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(output)
      else waiting?.reject(new Error(error))
    })
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#ended = new Error(`${entry} ended with ${signal ?? code}`)
        for (const { reject } of this.#waiting.values()) reject(this.#ended)
        this.#waiting.clear()
        resolve()
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** @throws Error what the process says, or that it has ended */
  async ask<O>(what: string, input: unknown, output: z.ZodType<O>): Promise<O> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#next++
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.send({ id, what, input })
    })
    return output.parse(await answer)
  }

  /** Ends the process: what it measured is known. */
  async end(): Promise<void> {
    this.#process.kill('SIGTERM')
    const cut = setTimeout(() => this.#process.kill('SIGKILL'), 10_000)
    await this.#exit
    clearTimeout(cut)
  }
}

type Handlers = Readonly<Record<string, (input: unknown) => unknown>>

/** The other side: answers what the benchmark asks, until it is gone. */
export function answerParent(handlers: Handlers): void {
  process.on('message', (message) => {
    const { id, what, input } = requestSchema.parse(message)
    const answer = async () => {
      const handler = handlers[what]
      if (handler === undefined) throw new Error(`nobody answers ${what}`)
      return handler(input)
    }
    answer().then(
      (output) => process.send?.({ id, output }),
      (error: unknown) =>
        process.send?.({
          id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    )
  })
  process.on('disconnect', () => process.exit(0))
}
