import type { Writable } from 'node:stream'

/**
 * node-postgres copies the values of a statement into one message, whose buffer it enlarges by half again and again: for
 * megabytes of results that is several times their size in garbage, and most of what a commit takes. A message with a large
 * value is written here instead, in its parts, and the value where it lies.
 */

/** From here on a value is written by itself. */
const LARGE_BYTES = 16 * 1024

/** What node-postgres gives its connection: the Bind message of PostgreSQL's protocol, version 3. */
export interface BindConfig {
  readonly portal?: string
  readonly statement?: string
  readonly binary?: boolean
  readonly values?: readonly unknown[]
  /** Makes text, or bytes, of a value. */
  readonly valueMapper?: (value: unknown, index: number) => string | Buffer | null | undefined
}

/** A connection of node-postgres, as far as it is used here. */
export interface BindingConnection {
  readonly stream: Writable
  bind(config: BindConfig): void
}

/** Lets a connection write large values uncopied. They must not change until the statement has its answer. */
export function writeLargeValuesUncopied(connection: BindingConnection): void {
  const bind = connection.bind.bind(connection)
  connection.bind = (config) => {
    if (!config.values?.some((value) => Buffer.isBuffer(value) && value.length >= LARGE_BYTES)) {
      bind(config)
      return
    }
    const parts = bindMessage(config)
    const { stream } = connection
    if (!stream.writable) return
    stream.cork()
    for (const part of parts) stream.write(part)
    stream.uncork()
  }
}

/** The message's bytes in order: small ones together, each large value as it is. */
export function bindMessage({
  portal = '',
  statement = '',
  binary = false,
  values = [],
  valueMapper,
}: BindConfig): readonly Buffer[] {
  const mapped = values.map((value, index) =>
    valueMapper === undefined ? (value as string | Buffer | null | undefined) : valueMapper(value, index),
  )
  const message = new Parts()
  message.text(portal)
  message.text(statement)
  message.int16(mapped.length)
  for (const value of mapped) message.int16(Buffer.isBuffer(value) ? 1 : 0)
  message.int16(mapped.length)
  for (const value of mapped) {
    if (value === null || value === undefined) {
      message.int32(-1)
      continue
    }
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, 'utf8')
    message.int32(bytes.length)
    message.bytes(bytes)
  }
  // One format for all results.
  message.int16(1)
  message.int16(binary ? 1 : 0)
  const body = message.end()
  const head = Buffer.alloc(5)
  head.write('B', 'latin1')
  head.writeInt32BE(4 + body.reduce((sum, { length }) => sum + length, 0), 1)
  return [head, ...body]
}

class Parts {
  readonly #parts: Buffer[] = []
  #small: Buffer[] = []

  int16(value: number): void {
    const bytes = Buffer.allocUnsafe(2)
    bytes.writeUInt16BE(value)
    this.#small.push(bytes)
  }

  int32(value: number): void {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeInt32BE(value)
    this.#small.push(bytes)
  }

  /** With the zero that ends it. */
  text(text: string): void {
    this.#small.push(Buffer.from(`${text}\0`, 'utf8'))
  }

  bytes(bytes: Buffer): void {
    if (bytes.length < LARGE_BYTES) {
      this.#small.push(bytes)
      return
    }
    this.#join()
    this.#parts.push(bytes)
  }

  end(): readonly Buffer[] {
    this.#join()
    return this.#parts
  }

  #join(): void {
    if (this.#small.length > 0) this.#parts.push(Buffer.concat(this.#small))
    this.#small = []
  }
}
