import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import readline from 'node:readline'

export interface Child {
  readonly process: ChildProcess
  /** The next line that it prints. @throws when it ends first, with what it said on standard error */
  line(): Promise<string>
  /** kill -9, and waits for the end. */
  kill(): Promise<void>
}

/** Runs a TypeScript file of this folder in a Node process of its own. */
export function startChild(file: URL, args: readonly string[]): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', file.pathname, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close')
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    process: child,
    async line() {
      const next = await lines.next()
      if (next.done === true) throw new Error(`the child process ended: ${errors}`)
      return next.value
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
