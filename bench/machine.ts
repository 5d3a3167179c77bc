import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { z } from 'zod'

/** Where a suite ran: what a reader needs to judge its figures. */
export const machineSchema = z.strictObject({
  cpu: z.string(),
  cores: z.int().min(1),
  memory_gib: z.number(),
  os: z.string(),
  arch: z.string(),
  node: z.string(),
  /** Runnable processes over the last minute, before the suite began. */
  load_average: z.number(),
  /** GPU adapters that were used. */
  adapters: z.array(z.string()),
  rounds: z.int().min(1),
  started_at: z.iso.datetime(),
})

export type Machine = z.infer<typeof machineSchema>

/** Above this the figures of a run are doubtful, and the run says so. */
const IDLE_LOAD = 0.7

export function describeMachine(rounds: number): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    arch: process.arch,
    node: process.versions.node,
    load_average: Number((loadavg()[0] ?? 0).toFixed(2)),
    adapters: [],
    rounds,
    started_at: new Date().toISOString(),
  }
}

/** What to tell before a run on a machine that is doing something else. */
export function loadWarning({ load_average }: Machine): string | undefined {
  return load_average <= IDLE_LOAD
    ? undefined
    : `the load average is ${load_average}: other programs are running, and figures will suffer`
}
