import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DemoJob } from '../api.ts'
import type { Client } from '../client.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OUTPUT_BYTES = 16 * 1024 * 1024

/** What a job that executed its whole plan cost, against the price that was quoted. @returns what is wrong */
export function costFaults(job: DemoJob, price: number): string[] {
  const { cost } = job
  if (cost === null || cost.charged === null || cost.released === null) return ['it has no bill']
  const items = cost.items.reduce((sum, { credits }) => sum + credits, 0)
  return [
    ...(cost.held === price ? [] : [`${cost.held} credits were held, the price is ${price}`]),
    ...(cost.charged === price ? [] : [`${cost.charged} credits were charged, the price is ${price}`]),
    ...(cost.charged + cost.released === cost.held ? [] : ['charged and released are not what was held']),
    ...(items === cost.charged ? [] : [`the bill adds up to ${items}, ${cost.charged} were charged`]),
  ]
}

/**
 * Evidence of one job, checked by the command line alone: signatures, the ledger, the trace, which covers every shard exactly
 * once, and the record's digests.
 * @returns what is wrong
 */
export async function evidenceFaults(client: Client, job: DemoJob, folder: string): Promise<string[]> {
  const response = await client.fetch(`/api/v0/jobs/${job.id}/evidence`)
  if (!response.ok) throw new Error(`its evidence: HTTP ${response.status}`)
  const file = path.join(folder, `${job.id}.forge`)
  await writeFile(file, new Uint8Array(await response.arrayBuffer()))
  const { code, output } = await program('dist/forge.mjs', ['verify', file])
  return code === 0 ? [] : [`forge verify: exit ${code}: ${output.slice(-2000)}`]
}

/** `npm run fsck` on the cluster's data folder. @returns what is wrong */
export async function deploymentFaults(data: string): Promise<string[]> {
  const { code, output } = await program('dist/fsck.mjs', [], { FORGE_DATA_DIR: data })
  return code === 0 ? [] : [`fsck: exit ${code}: ${output.slice(-2000)}`]
}

function program(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(ROOT, script), ...args],
      { cwd: ROOT, env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }),
    )
  })
}
