import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { bundleForHost } from './bundle.ts'
import { availableHosts } from './webgpu-hosts.ts'

const { hosts, missing } = await availableHosts()
for (const { name, reason } of missing) console.log(`missing: ${name}: ${reason}`)

let moduleSource: string
beforeAll(async () => {
  moduleSource = await bundleForHost(fileURLToPath(new URL('./add-on-gpu.ts', import.meta.url)))
})

test('at least one WebGPU implementation is here', () => {
  expect(hosts.map(({ name }) => name)).not.toEqual([])
})

describe.each(hosts)('$name', ({ name, compiler, driver, open }) => {
  test('adds two u32 modulo 2^32 and reports errors', async () => {
    const start = performance.now()
    const host = await open()
    try {
      const answer = await host.evaluate(moduleSource, 'add', { a: 4_294_967_290, b: 8 })
      expect(answer).toMatchObject({ sum: 2 })
      await expect(host.evaluate(moduleSource, 'absent', null)).rejects.toThrow(name)
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      console.log(`${name}: ${compiler}, ${driver}: ${seconds} s, ${JSON.stringify(answer)}`)
    } finally {
      await host.close()
    }
  })
})
