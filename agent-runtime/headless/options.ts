import { readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { CAUSE_NAMES } from '../../kernel/causes.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { threadsMax } from '../governor.ts'

const THREADS_MAX = threadsMax(os.availableParallelism())

/** @param command as its user types it */
export function usage(command: string): string {
  return `Usage: ${command} --hub URL [options]

  --hub URL               address of the site, such as https://pool.example
  --token-file FILE       file with the node token that names your account; without a token the owner is this network
  --token TOKEN           the token itself. Other users of this machine can read it in the list of processes:
                          prefer --token-file, or the variable FORGE_NODE_TOKEN
  --executor KIND         cpu (default), webgpu, or auto: the faster one that computes correctly
  --causes LIST           families of ops to compute, such as mc,tensor (default: all: ${CAUSE_NAMES.join(', ')})
  --webgpu-module NAME    package that gives WebGPU to Node, such as webgpu (Dawn)
  --name NAME             shown beside the executor, and names the key file (default: agent)
  --key-file FILE         where the agent's key is kept (default: ~/.forge-pool/NAME.key)
  --rotate-key            make a new key, to which the hub hands on what it knows of the old one; the old one is refused then
                          and kept as KEY-FILE.old
  --trust-hub             take the key with which the site's hub signs leases now, in place of the one kept from before
  --threads COUNT         CPU threads that compute, 1 to ${THREADS_MAX} here (default: half of the cores)
  --intensity SHARE       share of the time spent computing, 0.05 to 1 (default: 1)
  -h, --help              this text

Environment:
  FORGE_NODE_TOKEN        the node token, where neither --token nor --token-file is given
`
}

const flags = z.strictObject({
  hub: z.url({ protocol: /^(https?|wss?)$/, error: 'an address like http://localhost:3000 is expected' }),
  executor: z.enum(['auto', 'webgpu', 'cpu']).default('cpu'),
  'webgpu-module': z.string().min(1).max(200).optional(),
  causes: z
    .string()
    .transform((list) => list.split(','))
    .pipe(
      z
        .array(z.enum(CAUSE_NAMES, { error: `families of ops are expected: ${CAUSE_NAMES.join(', ')}` }))
        .min(1),
    )
    .optional(),
  token: z.string().optional(),
  'token-file': z.string().min(1).optional(),
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,39}$/, 'letters, digits, dots and hyphens only, at most 40')
    .default('agent'),
  'key-file': z.string().min(1).optional(),
  'trust-hub': z.boolean().default(false),
  'rotate-key': z.boolean().default(false),
  intensity: z.coerce.number().min(0.05).max(1).default(1),
  threads: z.coerce.number().int().min(1).max(THREADS_MAX).optional(),
})

const tokenText = z.string().regex(/^fpnt_[A-Za-z0-9_-]{43}$/)
const TOKEN_VARIABLE = 'FORGE_NODE_TOKEN'

export interface HeadlessOptions {
  readonly hubUrl: string
  readonly executor: 'auto' | 'webgpu' | 'cpu'
  readonly webgpuModule: string | undefined
  /** Families of ops; undefined: all. */
  readonly causes: readonly string[] | undefined
  readonly nodeToken: string | undefined
  readonly name: string
  readonly keyFile: string
  /** The hub's present key takes the place of one kept from before. */
  readonly trustHub: boolean
  /** A new key takes over from the kept one. */
  readonly rotateKey: boolean
  readonly intensity: number
  /** Undefined: half of the cores. */
  readonly threads: number | undefined
}

/** @throws ForgeError CONTRACT_INVALID with one line that says which flag is wrong; it never shows a token */
export function headlessOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): HeadlessOptions {
  let values: Record<string, unknown>
  try {
    const string = { type: 'string' } as const
    values = parseArgs({
      args: [...argv],
      options: {
        hub: string,
        executor: string,
        'webgpu-module': string,
        causes: string,
        token: string,
        'token-file': string,
        name: string,
        'key-file': string,
        'trust-hub': { type: 'boolean' },
        'rotate-key': { type: 'boolean' },
        intensity: string,
        threads: string,
      },
    }).values
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
  const parsed = flags.safeParse(values)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw wrong(`--${String(issue?.path[0] ?? 'hub')}: ${issue?.message ?? 'invalid'}`)
  }
  const { hub, executor, name, intensity, threads, token } = parsed.data
  return {
    hubUrl: hub,
    executor,
    webgpuModule: parsed.data['webgpu-module'],
    causes: parsed.data.causes,
    nodeToken: givenToken(token, parsed.data['token-file'], environment[TOKEN_VARIABLE]),
    name,
    keyFile: path.resolve(parsed.data['key-file'] ?? path.join(os.homedir(), '.forge-pool', `${name}.key`)),
    trustHub: parsed.data['trust-hub'],
    rotateKey: parsed.data['rotate-key'],
    intensity,
    threads,
  }
}

/** An empty variable is none: that is how a shell unsets one for a single command. */
function givenToken(
  token: string | undefined,
  file: string | undefined,
  variable: string | undefined,
): string | undefined {
  if (token !== undefined && file !== undefined) throw wrong('give --token or --token-file, not both')
  if (token !== undefined) return nodeToken(token, '--token is')
  if (file !== undefined) return nodeToken(readToken(file), `--token-file: ${file} holds`)
  if (variable === undefined || variable === '') return undefined
  return nodeToken(variable, `${TOKEN_VARIABLE} holds`)
}

function nodeToken(text: string, where: string): string {
  const token = tokenText.safeParse(text.trim())
  if (!token.success) throw wrong(`${where} no node token (fpnt_ and 43 characters)`)
  return token.data
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw wrong(`--token-file: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function wrong(message: string): ForgeError {
  return new ForgeError('CONTRACT_INVALID', message, { hint: 'See --help.' })
}
