import { describe, expect, it } from 'vitest'
import type { AcceptedRun } from '../../kernel/acceptance.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import { jobPart, packCells, packMarks, unpackMarks } from './job-part.ts'
import { JobParts } from './job-parts.ts'

const run = (first: number, count: number, owner: string): AcceptedRun => ({
  first,
  count,
  method: 'quorum',
  digests: new Uint8Array(32 * count),
  leaves: [],
  copies: [
    { agent: `${owner} agent`, owner, executor: 'cpu' },
    { agent: 'other', owner: 'other', executor: 'webgpu' },
  ],
})

/** A hub that has accepted these runs. */
function hub(epoch: number, shard_count: number, runs: readonly AcceptedRun[]): JobParts {
  const parts = new JobParts(epoch, { shard_count })
  parts.show(epoch, runs)
  for (const one of runs) parts.add(epoch, one, false)
  parts.addFindings(epoch, { ...NO_FINDINGS, audits: runs.length })
  return parts
}

const now = { in_flight: 3, connected: 2, phase: 'running', marks: '2.1l', waiting: 1 } as const

describe('parts of a job', () => {
  it('travel and add up: every hub shows the same sums and the same grid', () => {
    const one = hub(1, 10, [run(0, 4, 'ada')])
    const two = hub(2, 10, [run(4, 3, 'bob')])
    const [ofOne, ofTwo] = [one.own(now), two.own({ ...now, marks: '7.1r' })]
    one.hear(2, jobPart.parse(JSON.parse(JSON.stringify(ofTwo))))
    two.hear(1, jobPart.parse(JSON.parse(JSON.stringify(ofOne))))
    for (const [parts, own] of [
      [one, now],
      [two, { ...now, marks: '7.1r' }],
    ] as const) {
      expect(parts.progress(own, null)).toMatchObject({
        accepted: 7,
        copies: 14,
        in_flight: 6,
        owners: 3,
        by_method: { quorum: 7 },
        by_executor: { cpu: 7, webgpu: 7, wasm: 0 },
        checks: { audits: 2, waiting: 2 },
      })
      expect(parts.grid(own, false).cells).toBe('aaaaaaar..')
      expect(parts.connectedElsewhere).toBe(2)
    }
  })

  it('count what a hub told as long as its rows are not folded here, and what it does only while it is there', () => {
    const one = hub(1, 10, [])
    one.hear(2, hub(2, 10, [run(4, 3, 'bob')]).own(now))
    expect(one.present(new Set())).toBe(true)
    expect(one.present(new Set())).toBe(false)
    expect(one.connectedElsewhere).toBe(0)
    expect(one.progress(now, null)).toMatchObject({ accepted: 3, in_flight: 3, owners: 2 })
    // Its rows, one more than it had told.
    for (const row of [run(4, 3, 'bob'), run(8, 1, 'bob')]) {
      one.show(2, [row])
      one.add(2, row, false)
    }
    expect(one.progress(undefined, null)).toMatchObject({ accepted: 4, in_flight: 0, owners: 2 })
    // An older message comes late.
    one.hear(2, hub(2, 10, [run(4, 1, 'bob')]).own(now))
    expect(one.progress(undefined, null).accepted).toBe(4)
  })

  it('of a hub that has gone, read from the database by the next one, have nothing under way', () => {
    const one = hub(2, 10, [])
    one.hear(1, hub(1, 10, [run(4, 3, 'bob')]).own(now), false)
    expect(one.progress({ ...now, in_flight: 0 }, null)).toMatchObject({ accepted: 3, in_flight: 0 })
    expect(one.connectedElsewhere).toBe(0)
    one.hear(1, hub(1, 10, [run(4, 3, 'bob')]).own(now))
    expect(one.progress({ ...now, in_flight: 0 }, null).in_flight).toBe(3)
    // A job that has ended has nothing under way anywhere.
    expect(one.progress(undefined, null).in_flight).toBe(0)
  })

  it('take back what was accepted under a claim that was over', () => {
    const one = hub(1, 10, [run(0, 4, 'ada')])
    one.show(1, [run(5, 2, 'ada')])
    expect(one.grid(undefined, false).cells).toBe('aaaa.aa...')
    one.show(1, [run(5, 2, 'ada')], -1)
    expect(one.grid(undefined, false).cells).toBe('aaaa......')
  })

  it('share the cells of a large job by their shards', () => {
    const [one, two] = [hub(1, 2048, [run(0, 3, 'ada')]), hub(2, 2048, [run(3, 3, 'bob')])]
    expect(packCells(Uint32Array.of(0, 2, 2, 1))).toEqual([
      [1, 2, 2],
      [3, 1, 1],
    ])
    one.hear(2, two.own({ ...now, marks: '' }))
    expect(one.grid({ ...now, marks: '' }, false)).toEqual({
      shards_per_cell: 2,
      cells: `aaa${'.'.repeat(1021)}`,
    })
  })

  it('pack what is under way', () => {
    const seen: string[] = []
    const packed = packMarks(['.', '.', 'l', 'r', 'r', 'd'])
    expect(packed).toBe('2.1l2r1d')
    unpackMarks(packed, (cell, what) => seen.push(`${cell}${what}`))
    expect(seen).toEqual(['2l', '3r', '4r', '5d'])
  })
})
