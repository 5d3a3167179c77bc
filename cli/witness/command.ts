import { access } from 'node:fs/promises'
import process from 'node:process'
import { fileKeyStore } from '../../agent-runtime/headless/identity-file.ts'
import { openIdentity } from '../../agent-runtime/identity.ts'
import { ForgeError } from '../../kernel/errors.ts'
import {
  COSIGNATURE,
  formatVkey,
  isKeyName,
  NOTE_SIGNATURE,
  type NoteKey,
  parseVkey,
} from '../../kernel/ledger/signed-note.ts'
import { verifySignature } from '../ed25519.ts'
import { EXIT } from '../exit-codes.ts'
import { CLI_LIMITS } from '../limits.ts'
import { parseOptions, wholeNumber, wrongUse } from '../options.ts'
import { explain } from '../verify.ts'
import { serveWitness } from './server.ts'
import { openStateFile } from './state-file.ts'
import { Witness } from './witness.ts'

const HELP = `Usage: forge witness --listen [HOST:]PORT --name NAME --key-file FILE --state FILE --log VKEY [options]

A witness of ledgers, as https://c2sp.org/tlog-witness describes one: it cosigns a checkpoint only when it contains the one
that it has cosigned before. Whoever demands its cosignature cannot be shown another past than everybody else.

  --listen [HOST:]PORT    where to answer (default host: 127.0.0.1). It speaks HTTP: put a proxy with TLS before it
  --name NAME             its name, such as witness.example/w; part of its key for ever
  --key-file FILE         its key, made at the first start, mode 600
  --state FILE            what it has cosigned last. Keep it as well as the key: with a lost state a witness could cosign
                          a fork, so it does not start with an old key and no state
  --log VKEY              key of a log to watch (vkey in the site's /.well-known/forge-pool.json); may be repeated
  --url URL               its address as the server reaches it, for the line that is printed
  -h, --help              this text

Exit codes:
  0  ended by SIGTERM or SIGINT
  2  wrong options
  3  the key or the state cannot be used
`

const OPTIONS = {
  listen: { type: 'string' },
  name: { type: 'string' },
  'key-file': { type: 'string' },
  state: { type: 'string' },
  log: { type: 'string', multiple: true },
  url: { type: 'string' },
} as const

interface WitnessOptions {
  readonly host: string
  readonly port: number
  readonly name: string
  readonly keyFile: string
  readonly stateFile: string
  readonly logs: readonly NoteKey[]
  readonly url: string | undefined
}

/** `forge witness`: serves until it is told to end. @returns exit code */
export async function witnessCommand(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  try {
    return await watch(witnessOptions(argv))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // The system's word on an address, or on a file.
    if (!(error instanceof ForgeError) && code !== undefined) {
      process.stderr.write(`${message}\n`)
      return EXIT.unreadable
    }
    return explain(
      error instanceof ForgeError && error.code === 'INTERNAL'
        ? new ForgeError('UNAVAILABLE', error.message, { hint: error.hint })
        : error,
      HELP,
    )
  }
}

async function watch({ host, port, name, keyFile, stateFile, logs, url }: WitnessOptions): Promise<number> {
  const [hadKey, hadState] = await Promise.all([isThere(keyFile), isThere(stateFile)])
  if (hadKey && !hadState)
    throw new ForgeError('CONFLICT', `there is a key and no state in ${stateFile}`, {
      hint: 'Restore the state. If it is lost, remove the key too: the witness then begins with a new one.',
    })
  const state = await openStateFile(stateFile)
  try {
    // The state is there before the key, so that a key without one has always lost it.
    if (!hadState) await state.keep(state.state)
    const identity = await openIdentity(fileKeyStore(keyFile))
    const key: NoteKey = { name, type: COSIGNATURE, publicKey: identity.publicKey }
    const witness = new Witness({
      key,
      sign: (message) => identity.sign(message),
      logs,
      state,
      verifySignature,
      now: () => Math.floor(Date.now() / 1000),
    })
    const server = await serveWitness(witness, { host, port }, (error) =>
      process.stderr.write(`cannot answer: ${error instanceof Error ? error.message : String(error)}\n`),
    )
    process.stdout.write(
      [
        `Watching ${logs.map((log) => log.name).join(', ')} at ${server.url}`,
        `Key of this witness: ${formatVkey(key)}`,
        `For the server: FORGE_WITNESSES="${formatVkey(key)} ${url ?? server.url}"`,
        '',
      ].join('\n'),
    )
    await new Promise<void>((resolve) => {
      process.once('SIGTERM', resolve)
      process.once('SIGINT', resolve)
    })
    await server.close()
    return EXIT.ok
  } finally {
    await state.release()
  }
}

function witnessOptions(argv: readonly string[]): WitnessOptions {
  const { values, positionals } = parseOptions(argv, OPTIONS)
  if (positionals.length > 0) throw wrongUse('forge witness takes options only')
  const { listen, name, state, log = [], url } = values
  const keyFile = values['key-file']
  if (listen === undefined || name === undefined || keyFile === undefined || state === undefined)
    throw wrongUse('--listen, --name, --key-file and --state are needed')
  if (!isKeyName(name)) throw wrongUse('--name: no spaces, no plus, at most 255 characters')
  if (url !== undefined && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)))
    throw wrongUse('--url: an address such as https://witness.example is expected')
  if (log.length === 0 || log.length > CLI_LIMITS.witness_logs)
    throw wrongUse(`--log: 1 to ${CLI_LIMITS.witness_logs} keys of logs are needed`)
  const logs = log.map(logKey)
  if (new Set(logs.map((key) => key.name)).size !== logs.length)
    throw wrongUse('--log: one log is named twice')
  const cut = listen.lastIndexOf(':')
  const host = cut < 0 ? '127.0.0.1' : listen.slice(0, cut).replace(/^\[(.*)\]$/, '$1')
  if (host === '') throw wrongUse('--listen: [HOST:]PORT is expected')
  return {
    host,
    port: wholeNumber(listen.slice(cut + 1), 'listen', 0, 65_535),
    name,
    keyFile,
    stateFile: state,
    logs,
    url,
  }
}

function logKey(text: string): NoteKey {
  try {
    const key = parseVkey(text)
    if (key.type === NOTE_SIGNATURE) return key
  } catch (error) {
    throw wrongUse(`--log: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw wrongUse('--log: that is not the key of a log')
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch {
    return false
  }
}
