import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { expect, test } from 'vitest'
import { findTestStacks } from '../../scripts/webgpu-stacks.mjs'
import { runCommand } from '../command.test-support.ts'
import { replayCommand } from './command.ts'
import { writeRealEvidence } from './real-evidence.test-support.ts'

/** `forge replay --webgpu` on the WebGPU that this machine gives to Node. */

const { stacks, missing } = findTestStacks()
// Read by the Vulkan loader when the first device is asked for.
if (stacks.swiftshaderIcd !== undefined) process.env.VK_ICD_FILENAMES = stacks.swiftshaderIcd
const isHere = stacks.dawn !== undefined && stacks.swiftshaderIcd !== undefined
if (!isHere) console.log(`missing: ${missing.map(({ what, how }) => `${what} (${how})`).join('; ')}`)

test.skipIf(!isHere)('a replay on the graphics device gives the accepted bytes', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-webgpu-'))
  try {
    const contract = {
      op: { name: 'mc', version: 1, profile: 'pi.v1' },
      args: { points: 5_000_000 },
      seed: { mode: 'explicit', value: 'on a graphics device' },
    }
    const file = await writeRealEvidence(folder, contract, new Map())
    const { code, out, err } = await runCommand(replayCommand, file, '--webgpu', '--shards', 'all', '--json')
    expect(err).toContain('2 of 2 shards executed')
    expect(JSON.parse(out)).toMatchObject({
      verified: true,
      equal: true,
      replayed: 2,
      whole: { equal: true },
    })
    expect(code).toBe(0)
  } finally {
    await rm(folder, { recursive: true })
  }
})
