import { findTestStacks } from '../../scripts/webgpu-stacks.mjs'
import { chromiumHost, firefoxHost } from './browser-hosts.ts'
import type { HostFactory } from './host.ts'
import { dawnHost, denoHost } from './process-hosts.ts'

/** A host that this machine cannot open, and why. */
export interface MissingHost {
  readonly name: string
  readonly reason: string
}

/**
 * Every WebGPU implementation that the executor tests know, split into those that can be opened here and those that
 * cannot. A test prints the missing ones: a skipped device is never silent.
 *
 * | host | WGSL front end | driver |
 * |---|---|---|
 * | chromium-swiftshader | Tint | SwiftShader (Vulkan) |
 * | chromium-lavapipe | Tint, as GLSL over ANGLE | lavapipe |
 * | firefox-lavapipe | naga | lavapipe |
 * | dawn-swiftshader | Tint | SwiftShader |
 * | deno-swiftshader, deno-lavapipe | naga | SwiftShader, lavapipe |
 */
export async function availableHosts(): Promise<{ hosts: HostFactory[]; missing: MissingHost[] }> {
  const { stacks, missing: absent } = findTestStacks()
  const { chromium, firefox, deno, dawn, swiftshaderIcd, lavapipeIcd } = stacks
  const hosts: HostFactory[] = []
  const missing: MissingHost[] = []
  const reasonFor = (...needs: string[]): string => {
    const lacking = absent.filter(({ name }) => needs.includes(name))
    return lacking.map(({ what, how }) => `${what} is not here (${how})`).join('; ')
  }
  const add = (name: string, factory: HostFactory | undefined, ...needs: string[]) => {
    const reason = reasonFor(...needs)
    if (factory !== undefined && reason === '') hosts.push(factory)
    else missing.push({ name, reason })
  }
  add('chromium-swiftshader', chromium && chromiumHost(chromium, 'swiftshader'), 'chromium')
  add(
    'chromium-lavapipe',
    chromium && lavapipeIcd ? chromiumHost(chromium, 'lavapipe', lavapipeIcd) : undefined,
    'chromium',
    'lavapipeIcd',
  )
  add(
    'firefox-lavapipe',
    firefox && lavapipeIcd ? firefoxHost(firefox, 'lavapipe', lavapipeIcd) : undefined,
    'firefox',
    'lavapipeIcd',
    'libvulkan',
  )
  add(
    'dawn-swiftshader',
    dawn && swiftshaderIcd ? dawnHost('swiftshader', swiftshaderIcd) : undefined,
    'dawn',
    'swiftshaderIcd',
    'libvulkan',
  )
  for (const [driver, icd, need] of [
    ['swiftshader', swiftshaderIcd, 'swiftshaderIcd'],
    ['lavapipe', lavapipeIcd, 'lavapipeIcd'],
  ] as const) {
    add(`deno-${driver}`, deno && icd ? denoHost(deno, driver, icd) : undefined, 'deno', need, 'libvulkan')
  }
  return { hosts, missing }
}
