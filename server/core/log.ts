import { type DestinationStream, destination, pino } from 'pino'

/** One JSON object a line on standard error; standard output is for what a person waits for (`ready http://…`). */
export interface Log {
  error(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  info(event: string, fields?: Fields): void
  debug(event: string, fields?: Fields): void
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

export type Fields = Readonly<Record<string, unknown>>

/** Values of fields with these names never reach a log, however deep they stand up to the third level. */
const SECRET_FIELDS = ['token', 'secret', 'password', 'authorization', 'cookie']

/** @param write takes one line; without it lines go to standard error, each before the call returns */
export function createLog(level: LogLevel, write?: (line: string) => void): Log {
  const stream: DestinationStream =
    write === undefined
      ? // What was logged before a crash must be on the screen.
        destination({ fd: 2, sync: true })
      : { write: (text) => write(text.trimEnd()) }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) =>
          Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)])),
      },
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[hidden]',
      },
    },
    stream,
  )
  const at =
    (own: Exclude<LogLevel, 'silent'>) =>
    (event: string, fields: Fields = {}): void =>
      logger[own](fields, event)
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

/** Errors and big integers have no JSON form of their own. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (!(value instanceof Error)) return value
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: plain(value.cause) }),
  }
}
