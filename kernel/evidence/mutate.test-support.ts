import { reenvelop, reseal } from './reseal.test-support.ts'
import { fileOf, type Sample } from './sample.test-support.ts'
import type { Trace } from './trace.ts'

/** Random damage to honest files. */

/** Numbers below a bound, from a seed: xorshift32. */
export type Draw = (below: number) => number

export function drawFrom(seed: number): Draw {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.floor(((state >>> 0) / 2 ** 32) * below)
  }
}

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1,
  0.5,
  1e21,
  2 ** 53,
  '',
  '0',
  '\ud800',
  'é',
  'AAAA',
  '0'.repeat(64),
  [],
  [[]],
  {},
  { a: 1 },
  { mode: 'full' },
  'referee',
  [-1, -1, 'wasm'],
  Number.MAX_VALUE,
  'cpu',
  '\n\n',
]
/** Pieces of text that parsers stumble over. */
const PIECES = [
  '"',
  '\\',
  '\\u0000',
  '{',
  '}',
  '[',
  ',',
  ':',
  '\n',
  '\0',
  '\ufeff',
  '1e999',
  '-0',
  '=',
  '— ',
  'é',
  ' ',
]

/** Bytes flipped, cut out, repeated or put in. */
export function damageBytes(file: string, draw: Draw): Uint8Array {
  let bytes = Buffer.from(file)
  for (let times = 1 + draw(3); times > 0; times--) {
    const at = draw(bytes.length)
    const end = Math.min(bytes.length, at + 1 + draw(40))
    const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
    switch (draw(4)) {
      case 0: {
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] as number) ^ (1 << draw(8))
        bytes = flipped
        break
      }
      case 1:
        bytes = Buffer.concat([before, after])
        break
      case 2:
        bytes = Buffer.concat([before, middle, middle, after])
        break
      default:
        bytes = Buffer.concat([before, Buffer.from(PIECES[draw(PIECES.length)] as string), middle, after])
    }
  }
  return new Uint8Array(bytes)
}

/** One place of a JSON value replaced, removed, repeated or changed a little. */
export function damageValue(value: unknown, draw: Draw): void {
  if (typeof value !== 'object' || value === null) return
  const names = Object.keys(value)
  if (names.length === 0) return
  const name = names[draw(names.length)] as string
  const child: unknown = Reflect.get(value, name)
  if (typeof child === 'object' && child !== null && draw(6) > 0) {
    damageValue(child, draw)
    return
  }
  switch (draw(5)) {
    case 0:
      if (Array.isArray(value)) value.splice(Number(name), 1)
      else Reflect.deleteProperty(value, name)
      break
    case 1:
      if (Array.isArray(value)) value.push(structuredClone(child))
      else Reflect.set(value, `${name}2`, child)
      break
    case 2:
      Reflect.set(value, name, VALUES[draw(VALUES.length)])
      break
    default:
      Reflect.set(value, name, nudge(child, draw))
  }
}

function nudge(value: unknown, draw: Draw): unknown {
  if (typeof value === 'number') return value + draw(3) - 1
  if (typeof value !== 'string' || value === '') return value
  const at = draw(value.length)
  const letter = value.charAt(draw(value.length))
  return `${value.slice(0, at)}${draw(4) === 0 ? PIECES[draw(PIECES.length)] : letter}${value.slice(at + 1)}`
}

/** A damaged file, and whether only a hub with its key could have made it. */
export async function damagedFile(
  sample: Sample,
  draw: Draw,
): Promise<{ readonly file: string | Uint8Array; readonly byHub: boolean }> {
  switch (draw(5)) {
    case 0:
    case 1:
      return { file: damageBytes(fileOf(sample.bundle), draw), byHub: false }
    case 2: {
      const bundle = structuredClone(sample.bundle)
      for (let times = 1 + draw(2); times > 0; times--) damageValue(bundle, draw)
      return { file: fileOf(bundle), byHub: false }
    }
    case 3: {
      const statement: unknown = JSON.parse(Buffer.from(sample.bundle.envelope.payload, 'base64').toString())
      damageValue(statement, draw)
      const payload = new Uint8Array(Buffer.from(JSON.stringify(statement)))
      return { file: fileOf(await reenvelop(sample, payload)), byHub: true }
    }
    default: {
      const bundle = await reseal(sample, (draft) => {
        const part = draw(3)
        const text = (value: string) => {
          const parsed: unknown = JSON.parse(value)
          damageValue(parsed, draw)
          return JSON.stringify(parsed)
        }
        if (part === 0) damageTrace(draft.trace, draw)
        else if (part === 1) draft.material = text(draft.material)
        else draft.result = text(draft.result)
      })
      return { file: fileOf(bundle), byHub: true }
    }
  }
}

/** Numbers only, so that counts can still be made of it. */
function damageTrace({ runs }: Trace, draw: Draw): void {
  const run = runs[draw(runs.length)]
  const copy = run?.copies[draw(run.copies.length)]
  if (run === undefined || copy === undefined) return
  const change = draw(3) - 1
  const choice = draw(6)
  if (choice === 0) run.first += change
  else if (choice === 1) run.count += change
  else if (choice === 2) run.method = (['single', 'quorum', 'referee'] as const)[draw(3)] ?? 'single'
  else if (choice === 3) run.copies.push(structuredClone(copy))
  else if (choice === 4) copy[0] += change
  else copy[1] += change
}
