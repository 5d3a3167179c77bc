import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const AGAIN_MS = 1000
const STOP_LIMIT_MS = 30_000
const POLL_MS = 100

/**
 * @param {number} port on 127.0.0.1
 * @returns {Promise<boolean>} whether somebody takes connections there
 */
export function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/**
 * @param {number} count
 * @returns {Promise<number[]>} different ports that are free now
 */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} command
 * @property {readonly string[]} args
 * @property {string} cwd
 * @property {string} where for people
 * @property {Readonly<Record<string, string>>} [env]
 * @property {string | number} [ready] what a line of its output begins with once it is ready, or the port that it answers on
 *   then; without one it is ready at once
 * @property {number} [errors] descriptor of a file for its standard error, instead of this process's
 */

/** @typedef {{child: import('node:child_process').ChildProcess, isReady: boolean}} Running */

/** Programs that are started again whenever they end, until all are stopped. */
export class Processes {
  /** @type {(line: string) => void} */
  #say
  /** @type {Map<string, Running>} */
  #running = new Map()
  /** @type {Map<string, (() => void)[]>} */
  #waiting = new Map()
  #ending = false

  /** @param {(line: string) => void} say takes one line for people */
  constructor(say) {
    this.#say = say
  }

  /** @returns {string[]} names of those that run and are ready */
  get ready() {
    return [...this.#running].filter(([, { isReady }]) => isReady).map(([name]) => name)
  }

  /**
   * Runs a program and starts it again a second after each of its ends.
   * @param {Program} program
   * @returns {Promise<void>} once it is ready the first time
   */
  keep(program) {
    const isReady = this.untilReady(program.name)
    this.#start(program)
    return isReady
  }

  /**
   * @param {string} name
   * @returns {Promise<void>} when it becomes ready the next time
   */
  untilReady(name) {
    return new Promise((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve])
    })
  }

  /**
   * `kill -9`.
   * @param {string} name
   * @returns {number | undefined} its pid; undefined when it is not running
   */
  kill(name) {
    const running = this.#running.get(name)
    if (running === undefined) return undefined
    running.isReady = false
    running.child.kill('SIGKILL')
    return running.child.pid
  }

  /**
   * Ends those whose names begin so, with SIGTERM and after a while with SIGKILL; from the first call on nothing is started again.
   * @param {string} [kind] without one all
   */
  async stop(kind = '') {
    this.#ending = true
    const these = [...this.#running].filter(([name]) => name.startsWith(kind)).map(([, { child }]) => child)
    const ended = Promise.all(these.map((child) => new Promise((resolve) => child.once('close', resolve))))
    for (const child of these) child.kill('SIGTERM')
    const limit = new AbortController()
    await Promise.race([ended, delay(STOP_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => {})])
    limit.abort()
    for (const child of these) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  }

  /** @param {Program} program */
  #start(program) {
    const { name, command, args, cwd, where, env = {}, ready, errors } = program
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', typeof ready === 'string' ? 'pipe' : 'ignore', errors ?? 'inherit'],
    })
    /** @type {Running} */
    const running = { child, isReady: false }
    this.#running.set(name, running)
    const nowReady = () => {
      running.isReady = true
      const waiting = this.#waiting.get(name) ?? []
      this.#waiting.delete(name)
      for (const resolve of waiting) resolve()
    }
    if (child.pid !== undefined) this.#say(`${name} pid ${child.pid} ${where}`)
    if (ready === undefined) nowReady()
    else if (typeof ready === 'number') void this.#whenAnswering(child, ready, nowReady)
    else
      child.stdout?.setEncoding('utf8').on('data', (text) => {
        if (String(text).startsWith(ready)) nowReady()
      })
    child.on('error', (error) => this.#say(`${name}: ${error.message}`))
    child.on('close', (code, signal) => {
      this.#running.delete(name)
      if (this.#ending) return
      this.#say(`${name} ended (${signal ?? code}), it is started again`)
      setTimeout(() => {
        if (!this.#ending) this.#start(program)
      }, AGAIN_MS)
    })
  }

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {number} port
   * @param {() => void} hear called once it answers there; never when it ends before
   */
  async #whenAnswering(child, port, hear) {
    while (child.exitCode === null && child.signalCode === null) {
      if (await answers(port)) {
        hear()
        return
      }
      await delay(POLL_MS)
    }
  }
}
