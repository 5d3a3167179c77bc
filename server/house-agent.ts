import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Log } from './core/log.ts'
import type { Pool } from './pool.ts'

/** Waiting time before the n-th restart in a row: doubled each time up to the limit, with jitter. */
const BACKOFF_FIRST_MS = 1_000
const BACKOFF_MAX_MS = 60_000
/** An agent that ran so long was well; the next failure starts the backoff anew. */
const WELL_AFTER_MS = 60_000
const STOP_LIMIT_MS = 3_000
const LOG_LINE_CHARS = 500

export interface HouseAgent {
  stop(): Promise<void>
}

/**
 * The house agent's node token, kept in a file that only this user may read: it must not stand in arguments or the
 * environment, which other users of the machine can see.
 * @returns the file's path
 */
export async function houseTokenFile(dataDir: string, pool: Pick<Pool, 'houseToken'>): Promise<string> {
  const file = path.join(dataDir, 'house-agent.token')
  const kept = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
  const token = await pool.houseToken(kept)
  if (token !== kept) await writeFile(file, `${token}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
  return file
}

/**
 * Keeps one agent of our own running as a child process: a first contract always finds somebody.
 * @param args arguments of Node: the agent's bundle and its options
 */
export function startHouseAgent(args: readonly string[], log: Log): HouseAgent {
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let stopped = false

  const start = (): void => {
    const startedAt_ms = performance.now()
    // The channel is never spoken on: its end tells the agent that this process is gone, however it ended.
    const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child = running
    log.info('house_agent.started', { pid: running.pid })
    for (const stream of [running.stdout, running.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) =>
        log.debug('house_agent.says', { line: line.slice(0, LOG_LINE_CHARS) }),
      )
    }
    let isOver = false
    const ended = (why: unknown): void => {
      if (isOver) return
      isOver = true
      child = undefined
      if (stopped) return
      failures = performance.now() - startedAt_ms > WELL_AFTER_MS ? 1 : failures + 1
      const ceiling_ms = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1))
      const wait_ms = Math.round(ceiling_ms * (0.5 + Math.random() / 2))
      log.warn('house_agent.ended', { why, restart_in_ms: wait_ms })
      timer = setTimeout(start, wait_ms)
    }
    running.once('error', ended)
    running.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
  }

  start()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      const running = child
      if (running === undefined) return
      const gone = new Promise<void>((resolve) => running.once('exit', () => resolve()))
      running.kill('SIGTERM')
      const cut = setTimeout(() => running.kill('SIGKILL'), STOP_LIMIT_MS)
      await gone
      clearTimeout(cut)
    },
  }
}
