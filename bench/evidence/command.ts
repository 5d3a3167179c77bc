import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'

/** `forge verify` as people run it: the built command in a process of its own. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HOOK = pathToFileURL(path.join(ROOT, 'bench/evidence/usage-hook.mjs')).href

export interface CommandUse {
  /** From the start of the process to its end. */
  readonly wall_ms: number
  readonly cpu_ms: number
  /** Resident memory at its highest. */
  readonly peak_mb: number
}

const usage = z.strictObject({ rss_kib: z.number(), cpu_us: z.number() })
const report = z.object({ verified: z.boolean(), checks: z.array(z.object({ state: z.string() })) })

/** Builds the command. @throws Error when that fails */
export async function buildCommand(): Promise<void> {
  const build = createRequire(import.meta.url).resolve('../../scripts/build.mjs')
  const child = spawn(process.execPath, [build, '--bundles'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error('npm run build -- --bundles failed')
}

/** @throws Error unless the file is verified */
export async function timedVerify(file: string): Promise<CommandUse> {
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    ['--import', HOOK, path.join(ROOT, 'dist/forge.mjs'), 'verify', file, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] },
  )
  const [out, used, [code]] = await Promise.all([
    text(child.stdio[1] as Readable),
    text(child.stdio[3] as Readable),
    once(child, 'close') as Promise<[number | null]>,
  ])
  const wall_ms = performance.now() - startedAt
  if (code !== 0 || !report.parse(JSON.parse(out)).verified)
    throw new Error(`forge verify ended with ${code}: ${out.slice(0, 2000)}`)
  const { rss_kib, cpu_us } = usage.parse(JSON.parse(used))
  return { wall_ms, cpu_ms: cpu_us / 1000, peak_mb: (rss_kib * 1024) / 1e6 }
}
