import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { answers, type Processes } from '../../scripts/cluster/processes.mjs'

/** What is killed, and when it is there again. */

const POLL_MS = 100

export const POSTGRES = 'postgres'

/** Numbers from 0 up to 1 that follow from the seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How often each kind is chosen, of 100. */
const SHARES = [
  ['hub', 50],
  ['nats', 25],
  [POSTGRES, 12],
  ['agent', 13],
] as const
type Kind = (typeof SHARES)[number][0]

/**
 * The kinds of so many kills, in order. PostgreSQL, a NATS node and a hub are among any three.
 * @param hasNats without it hubs are killed instead of NATS nodes
 */
export function killKinds(kills: number, random: () => number, hasNats = true): Kind[] {
  const kinds = Array.from({ length: kills }, () => {
    let at = random() * 100
    for (const [kind, share] of SHARES) {
      if (at < share) return kind
      at -= share
    }
    return 'hub' as const
  })
  const middle = Math.floor(kills / 2)
  for (const [at, kind] of [
    [middle, POSTGRES],
    [middle - 1, 'nats'],
    [middle + 1, 'hub'],
  ] as const)
    if (kinds[at] !== undefined) kinds[at] = kind
  return kinds.map((kind) => (kind === 'nats' && !hasNats ? 'hub' : kind))
}

/** One kill; times are milliseconds. */
export interface Kill {
  readonly at_ms: number
  readonly name: string
  readonly pid: number
  /** Until it was ready again; undefined while it is not. */
  back_ms: number | undefined
}

/**
 * `kill -9` of one of that kind.
 * @param at_ms of the kill, for the report
 * @returns undefined when none of that kind is up; else the kill, and when its victim is there again
 */
export async function killOne(
  kind: Kind,
  { processes, data }: { readonly processes: Processes; readonly data: string },
  random: () => number,
  at_ms: number,
): Promise<{ readonly kill: Kill; readonly back: Promise<void> } | undefined> {
  const start = performance.now()
  const killed = async (name: string, pid: number, isBack: Promise<unknown>) => {
    const kill: Kill = { at_ms, name, pid, back_ms: undefined }
    const back = isBack.then(() => {
      kill.back_ms = performance.now() - start
    })
    return { kill, back }
  }
  if (kind === POSTGRES) {
    const postmaster = await readPostmaster(data)
    if (postmaster === undefined || !(await answers(postmaster.port))) return undefined
    process.kill(postmaster.pid, 'SIGKILL')
    return killed(POSTGRES, postmaster.pid, untilOtherPostmaster(data, postmaster.pid))
  }
  const names = processes.ready.filter((name) => name.startsWith(kind))
  const name = names[Math.floor(random() * names.length)]
  if (name === undefined) return undefined
  const back = processes.untilReady(name)
  const pid = processes.kill(name)
  return pid === undefined ? undefined : killed(name, pid, back)
}

/** Of the embedded database; undefined where it is another one, or not up. */
async function readPostmaster(data: string): Promise<{ pid: number; port: number } | undefined> {
  const text = await readFile(path.join(data, 'pg', 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  return pid > 0 && port > 0 ? { pid, port } : undefined
}

async function untilOtherPostmaster(data: string, killed: number): Promise<void> {
  for (;;) {
    const now = await readPostmaster(data)
    if (now !== undefined && now.pid !== killed && (await answers(now.port))) return
    await delay(POLL_MS)
  }
}
