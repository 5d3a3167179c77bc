import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../digest.ts'
import { ForgeError } from '../../errors.ts'
import { property } from '../../numerics/property.test-support.ts'
import { checkGolden, type Golden, jobOf, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import golden from './golden.json' with { type: 'json' }
import { mandelbrot } from './index.ts'
import { oracleTime } from './oracle.test-support.ts'
import { escapeTime } from './reference.test-support.ts'
import { mandelbrotResult } from './result.ts'

const Q28 = 2 ** 28

function timesOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true))
}

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(mandelbrot, known))

describe('escape time', () => {
  test.each([
    ['the origin', 0, 0, 500],
    ['the tip at -2, whose orbit stays at 2', -2, 0, 500],
    ['the 2-cycle at -1', -1, 0, 500],
    ['i, whose orbit is a 2-cycle', 0, 1, 500],
    ['1: 0 1 2 5', 1, 0, 3],
    ['1/2: 0 0.5 0.75 1.0625 1.62890625 3.15...', 0.5, 0, 5],
    ['2i: 0 2i -4+2i', 0, 2, 2],
    ['the corner of the range', 3.5, 3.5, 1],
    ['the other corner', -3.5, -3.5, 1],
    ['just beyond the tip', -2 - 2 ** -20, 0, 1],
  ])('%s', (_, re, im, time) => {
    expect(escapeTime(re * Q28, im * Q28, 500)).toBe(time)
  })

  test('equals the definition in BigInt, anywhere and at the border of the set', () => {
    const anywhere = fc.integer({ min: -3.5 * Q28, max: 3.5 * Q28 })
    // The cardioid's border: c = e^(it)/2 - e^(2it)/4, where orbits are long.
    const border = fc
      .double({ min: 0, max: 2 * Math.PI, noNaN: true })
      .map((t): [number, number] => [
        Math.round((Math.cos(t) / 2 - Math.cos(2 * t) / 4) * Q28 * 1.001),
        Math.round((Math.sin(t) / 2 - Math.sin(2 * t) / 4) * Q28 * 1.001),
      ])
    property(
      'escape times',
      [fc.oneof(fc.tuple(anywhere, anywhere), border), fc.integer({ min: 1, max: 400 })],
      ([re, im], limit) => {
        expect(escapeTime(re, im, limit)).toBe(oracleTime(BigInt(re), BigInt(im), limit))
      },
      600,
    )
  })

  test('upper and lower half are mirror images', () => {
    const part = fc.integer({ min: -2 * Q28, max: 2 * Q28 })
    property(
      'mirror',
      [part, part],
      (re, im) => expect(escapeTime(re, -im, 300)).toBe(escapeTime(re, im, 300)),
      300,
    )
  })
})

describe('plan', () => {
  test('tiles of at most 2^22 iterations; small leaves travel inline', () => {
    const plan = (width: number, height: number, max_iterations: number) =>
      jobOf(mandelbrot, { width, height, max_iterations }).job.plan
    expect(plan(1024, 768, 1000)).toMatchObject({
      shard_count: 16 * 12,
      constants: { tile_rows: 64, tile_columns: 64 },
      leaf: { kind: 'blob', max_bytes: 8192 },
    })
    expect(plan(4096, 4096, 32_767)).toMatchObject({
      shard_count: 131_072,
      leaf: { kind: 'inline', max_bytes: 256 },
    })
    expect(plan(1, 1, 1)).toMatchObject({ shard_count: 1, leaf: { kind: 'inline', max_bytes: 2 } })
  })

  test.each([
    ['a span beyond 3.5', { center_re: 3, span: 3 }],
    ['a high picture beyond 3.5', { width: 100, height: 4096 }],
    ['pixels that the fixed point cannot tell apart', { span: 1e-5, width: 4096 }],
  ])('%s is refused', (_, args) => {
    expect(() => jobOf(mandelbrot, args)).toThrow(ForgeError)
  })

  test.each([{ width: 0 }, { height: 4097 }, { max_iterations: 32_768 }, { span: 0 }, { center_re: 4 }])(
    '%j is refused',
    (args) => expect(() => jobOf(mandelbrot, args)).toThrow('args.'),
  )
})

describe('picture', () => {
  const args = { center_re: -0.6, center_im: 0.25, span: 2.75, width: 37, height: 29, max_iterations: 80 }
  const prepared = jobOf(mandelbrot, args)
  const outcome = outcomeOf(prepared)
  const result = mandelbrotResult.parse(outcome.result)

  test('every pixel is the escape time of its centre', () => {
    const times = timesOf(outcome.artifacts[1]?.bytes as Uint8Array)
    for (let row = 0; row < args.height; row++) {
      for (let column = 0; column < args.width; column++) {
        const re = args.center_re + (column - 18) * (args.span / args.width)
        const im = args.center_im - (row - 14) * (args.span / args.width)
        // Doubles place the centre within a unit of Q28; the time must be that of one of the neighbours.
        const near = [-1n, 0n, 1n].flatMap((a) =>
          [-1n, 0n, 1n].map((b) =>
            oracleTime(BigInt(Math.round(re * Q28)) + a, BigInt(Math.round(im * Q28)) + b, 80),
          ),
        )
        expect(near).toContain(times[row * args.width + column])
      }
    }
  })

  test('counts, digests and colours agree with the times', () => {
    const [image, times] = outcome.artifacts
    const all = timesOf(times?.bytes as Uint8Array)
    expect(result.inside).toBe(all.filter((time) => time === 80).length)
    expect(result.iterations).toBe(all.reduce((sum, time) => sum + time, 0))
    expect(result.escaped.counts.reduce((sum, count) => sum + count, 0)).toBe(37 * 29 - result.inside)
    result.escaped.counts.forEach((count, bin) => {
      const [low, high] = [result.escaped.edges[bin] as number, result.escaped.edges[bin + 1] as number]
      expect(all.filter((time) => time < 80 && time >= low && time < high).length).toBe(count)
    })
    expect(result.times).toBe(sha256Hex(times?.bytes as Uint8Array))
    expect(result.image).toBe(sha256Hex(image?.bytes as Uint8Array))
    expect(image?.shape).toEqual([29, 37, 4])
    const inside = all.indexOf(80)
    expect([...(image?.bytes.subarray(4 * inside, 4 * inside + 4) ?? [])]).toEqual([0, 0, 0, 255])
    expect(image?.bytes.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true)
  })

  test('the order of tiles does not show', () => {
    expect(outcomeOf(prepared, true).result).toEqual(outcome.result)
  })

  test('its summary shows the picture', () => {
    const { charts, headline } = prepared.job.summarise(result)
    expect(headline.value).toBe('37 × 29 pixels')
    expect(charts[0]).toMatchObject({ kind: 'image', digest: result.image, width: 37, height: 29 })
    expect(charts[1]).toMatchObject({ kind: 'histogram' })
  })

  test('a view inside the set has no histogram', () => {
    const whole = jobOf(mandelbrot, { center_re: 0, span: 0.01, width: 8, height: 8, max_iterations: 50 })
    const shown = whole.job.summarise(outcomeOf(whole).result)
    expect(shown.charts.map(({ kind }) => kind)).toEqual(['image'])
    expect(shown.figures[0]).toMatchObject({ value: 100 })
  })
})

test('a wrong leaf is named', () => {
  const { job, inputs } = jobOf(mandelbrot, { width: 5, height: 3, max_iterations: 9 })
  const leaf = referenceLeaf(job, 0, inputs)
  expect(job.checkLeaf(0, leaf)).toBeUndefined()
  const forged = (time: number) => {
    const bytes = leaf.slice()
    new DataView(bytes.buffer).setInt16(8, time, true)
    return bytes
  }
  expect(job.checkLeaf(0, forged(10))).toContain('point 4')
  expect(job.checkLeaf(0, forged(0))).toContain('point 4')
  expect(job.checkLeaf(0, leaf.subarray(2))).toContain('28 bytes')
})
