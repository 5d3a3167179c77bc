/** One JSON object a line on standard error; standard output is for what a person waits for (`ready http://…`). */
export interface Log {
  error(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  info(event: string, fields?: Fields): void
  debug(event: string, fields?: Fields): void
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

export type Fields = Readonly<Record<string, unknown>>

const RANK: Readonly<Record<LogLevel, number>> = { silent: 0, error: 1, warn: 2, info: 3, debug: 4 }

export function createLog(level: LogLevel, write: (line: string) => void = toStandardError): Log {
  const at =
    (own: LogLevel) =>
    (event: string, fields: Fields = {}): void => {
      if (RANK[own] > RANK[level]) return
      write(JSON.stringify({ time: new Date().toISOString(), level: own, event, ...fields }, plain))
    }
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Errors and big integers have no JSON form of their own. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (!(value instanceof Error)) return value
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: value.cause }),
  }
}
