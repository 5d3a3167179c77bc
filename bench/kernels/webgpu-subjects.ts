import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { bundleForHost } from '../../agent-runtime/testing/bundle.ts'
import type { Host } from '../../agent-runtime/testing/host.ts'
import { availableHosts } from '../../agent-runtime/testing/webgpu-hosts.ts'
import { type Found, type Subject, short } from '../pairs.ts'
import { PEERS, packageVersion } from '../peer-process.ts'

/** The WebGPU rows: one Chromium, in whose worker our executor and its peers take turns on one adapter. */

const HOST = 'chromium-swiftshader'
const RUNS = 5
/** `aside` is another figure of the same runs; 0 where there is none. */
const sampleSchema = z.strictObject({ rate: z.number().positive(), aside: z.number() })

interface Page {
  readonly host: Host
  readonly guest: string
  readonly code: string
  readonly adapter: string
}

export class WebGpuBench {
  #page: Promise<Page | { readonly missing: string }> | undefined
  /** The adapter that was used; empty before the first row. */
  adapters: readonly string[] = []

  async option(side: 'ours' | 'peer'): Promise<Found> {
    const page = await this.#open()
    if ('missing' in page) return page
    if (side === 'ours') return subject(page, 'ours/gbm', page.adapter)
    const plain = subject(page, 'peer/gbm', 'plain f32 WGSL, Philox and Box-Muller')
    const pcg = subject(page, 'peer/gbm-pcg', '')
    let best = 0
    return {
      ...plain,
      async warmUp() {
        await plain.warmUp()
        await pcg.warmUp()
      },
      async sample() {
        best = Math.max(best, await pcg.sample())
        return plain.sample()
      },
      notes: () => [
        `the plain kernel reached ${short(best)} when it drew from a PCG of 32 bits, whose streams overlap`,
      ],
    }
  }

  async product(side: 'ours' | 'peer'): Promise<Found> {
    const page = await this.#open()
    if ('missing' in page) return page
    if (side === 'ours')
      return subject(page, 'ours/matmul', page.adapter, (aside) => [
        `ours without packing and uploading the operands: ${short(aside)} Gop/s; the peer's operands are on the device`,
      ])
    return subject(
      page,
      'peer/matmul',
      `tfjs-backend-webgpu ${packageVersion('@tensorflow/tfjs-backend-webgpu')} f32`,
    )
  }

  async close(): Promise<void> {
    const page = await this.#page?.catch(() => undefined)
    if (page !== undefined && 'host' in page) await page.host.close()
  }

  #open(): Promise<Page | { readonly missing: string }> {
    this.#page ??= this.#start()
    return this.#page
  }

  async #start(): Promise<Page | { readonly missing: string }> {
    if (packageVersion('@tensorflow/tfjs-backend-webgpu') === undefined)
      return { missing: '@tensorflow/tfjs-backend-webgpu is not installed (npm ci)' }
    const { hosts, missing } = await availableHosts()
    const factory = hosts.find(({ name }) => name === HOST)
    if (factory === undefined)
      return { missing: missing.find(({ name }) => name === HOST)?.reason ?? `${HOST} is not here` }
    const guest = await bundleForHost(fileURLToPath(new URL('./webgpu-guest.ts', import.meta.url)), 'browser')
    const code = await readFile(`${PEERS}gbm_float.wgsl`, 'utf8')
    const host = await factory.open()
    try {
      const adapter = `${HOST}: ${z.string().parse(await host.evaluate(guest, 'adapter', null))}`
      this.adapters = [adapter]
      return { host, guest, code, adapter }
    } catch (error) {
      await host.close()
      throw error
    }
  }
}

function subject(
  { host, guest, code }: Page,
  id: string,
  name: string,
  notes: (aside: number) => readonly string[] = () => [],
): Subject & { warmUp(): Promise<void> } {
  let aside = 0
  return {
    name,
    warmUp: async () => void (await host.evaluate(guest, 'warmUp', { subject: id, code })),
    sample: async () => {
      const sample = sampleSchema.parse(await host.evaluate(guest, 'best', { subject: id, code, runs: RUNS }))
      aside = Math.max(aside, sample.aside)
      return sample.rate
    },
    notes: () => notes(aside),
  }
}
