import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { short } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import type { Ground } from './ground.ts'
import { AGENTS, cpuNote, Load, WARM_LEASES } from './load.ts'
import { abusersSeen } from './messages.ts'
import { blank } from './throughput.ts'
import { tinyContract } from './tiny-op.ts'

/** Ten minutes of bad input beside a thousand honest agents: the server's memory stays where it was. */

const SOAK_S = 600
const LOOK_S = 10
/** Shards a second of the honest agents. */
const PACE = 16_000
const MB = 1e6
const nothing = z.unknown()

export async function soak(ground: Ground, { say }: SuiteOptions): Promise<Row[]> {
  // The honest ones have room for all of them; the abusers' address has no more.
  const host = await ground.host({ lease_shards: 64, sockets_per_host: AGENTS + 24 })
  const load = await Load.on(ground, host, { window: 1 })
  await load.pace(PACE)
  await host.submit(tinyContract(16_000_000, 'soak', { mode: 'spotcheck', rate: 0.05 }))
  await load.warmUp(WARM_LEASES)
  const abusers = await ground.child('abusers')
  const url = `ws://127.0.0.1:${host.port}/agent`
  await abusers.ask('start', { url, token: host.tokens[0] ?? '' }, nothing)
  const rss: number[] = []
  let shards = 0
  const started = performance.now()
  while (performance.now() - started < SOAK_S * 1000) {
    const sample = await load.sample(LOOK_S)
    shards += sample.shards
    rss.push((await host.usage()).rss_bytes)
    say(
      `  ${short((performance.now() - started) / 1000)} s: ${short((rss.at(-1) ?? 0) / MB)} MB; ${cpuNote([sample])}`,
    )
  }
  await abusers.ask('stop', null, nothing)
  await delay(LOOK_S * 1000)
  const { answered, unexpected } = await abusers.ask('seen', null, abusersSeen)
  await load.end()
  await abusers.end()
  const third = Math.floor(rss.length / 3)
  const [first, last] = [Math.max(...rss.slice(0, third)), Math.max(...rss.slice(-third))]
  const counts = Object.entries(answered).map(([kind, times]) => `${kind} ${times}`)
  return [
    {
      ...blank(
        'soak',
        'resident memory in the last third of ten minutes of bad input, against the first',
        'x',
      ),
      value: last / first,
      ours: last / MB,
      rate: 'MB',
      at_most: 1.1,
      ...(unexpected.length === 0 ? {} : { invalid: unexpected.join('; ') }),
      notes: [
        `${AGENTS} honest agents went on with ${short(shards / SOAK_S)} shards/s`,
        `right answers: ${counts.join(', ')}`,
      ],
    },
  ]
}
