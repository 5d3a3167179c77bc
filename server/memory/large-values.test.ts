import { Writable } from 'node:stream'
import fc from 'fast-check'
import pg from 'pg'
import { expect, it } from 'vitest'
import {
  type BindConfig,
  type BindingConnection,
  bindMessage,
  writeLargeValuesUncopied,
} from './large-values.ts'

/** A connection of node-postgres that writes into a list. */
function connection() {
  const written: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk)
      done()
    },
  })
  const made = new pg.Connection({ stream: stream as never }) as unknown as BindingConnection
  return { made, written }
}

const value = fc.oneof(
  fc.constant(null),
  fc.constant(undefined),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 16_000, max: 40_000 }).map((length) => Buffer.alloc(length, length & 255)),
)

it('writes the bytes that node-postgres writes', () => {
  fc.assert(
    fc.property(
      fc.record({
        portal: fc.constantFrom('', 'portal'),
        statement: fc.constantFrom('', 'statement é'),
        binary: fc.boolean(),
        values: fc.array(value, { maxLength: 12 }),
      }),
      (config) => {
        const { made, written } = connection()
        made.bind(config)
        expect(Buffer.concat(bindMessage(config)).equals(Buffer.concat(written))).toBe(true)
      },
    ),
  )
})

it('hands a large value on as it is, and leaves statements without one to node-postgres', () => {
  const { made, written } = connection()
  const plain: BindConfig[] = []
  const bind = made.bind.bind(made)
  made.bind = (config) => {
    plain.push(config)
    bind(config)
  }
  writeLargeValuesUncopied(made)
  const large = Buffer.alloc(100_000, 7)
  const small = { values: ['text', Buffer.alloc(10)] }
  made.bind({ values: ['text', large, 3], valueMapper: (one) => (Buffer.isBuffer(one) ? one : String(one)) })
  expect(plain).toEqual([])
  expect(written.some((part) => part.buffer === large.buffer && part.length === large.length)).toBe(true)
  made.bind(small)
  expect(plain).toEqual([small])
})
