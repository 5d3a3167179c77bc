import { readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'

export const USAGE = `Usage: agent --hub URL [options]

  --hub URL                 address of the site, such as https://pool.example
  --executor KIND           cpu (default), webgpu, or auto: the faster one that computes correctly
  --webgpu-module NAME      package that gives WebGPU to Node, such as webgpu (Dawn)
  --owner-token-file FILE   file with the token that names the owner; without it the owner is this network
  --name NAME               shown beside the executor, and names the key file (default: agent)
  --key-file FILE           where the agent's key is kept (default: ~/.forge-pool/NAME.key)
  --intensity SHARE         share of the time spent computing, 0.05 to 1 (default: 1)
`

const flags = z.strictObject({
  hub: z.url({ protocol: /^(https?|wss?)$/, error: 'an address like http://localhost:3000 is expected' }),
  executor: z.enum(['auto', 'webgpu', 'cpu']).default('cpu'),
  'webgpu-module': z.string().min(1).max(200).optional(),
  'owner-token-file': z.string().min(1).optional(),
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,39}$/, 'letters, digits, dots and hyphens only, at most 40')
    .default('agent'),
  'key-file': z.string().min(1).optional(),
  intensity: z.coerce.number().min(0.05).max(1).default(1),
})

const tokenText = z.string().regex(/^fpnt_[A-Za-z0-9_-]{43}$/)

export interface HeadlessOptions {
  readonly hubUrl: string
  readonly executor: 'auto' | 'webgpu' | 'cpu'
  readonly webgpuModule: string | undefined
  readonly ownerToken: string | undefined
  readonly name: string
  readonly keyFile: string
  readonly intensity: number
}

/** @throws ForgeError CONTRACT_INVALID with one line that says which flag is wrong */
export function headlessOptions(argv: readonly string[]): HeadlessOptions {
  let values: Record<string, unknown>
  try {
    const string = { type: 'string' } as const
    values = parseArgs({
      args: [...argv],
      options: {
        hub: string,
        executor: string,
        'webgpu-module': string,
        'owner-token-file': string,
        name: string,
        'key-file': string,
        intensity: string,
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
  const { hub, executor, name, intensity } = parsed.data
  const tokenFile = parsed.data['owner-token-file']
  return {
    hubUrl: hub,
    executor,
    webgpuModule: parsed.data['webgpu-module'],
    ownerToken: tokenFile === undefined ? undefined : readToken(tokenFile),
    name,
    keyFile: path.resolve(parsed.data['key-file'] ?? path.join(os.homedir(), '.forge-pool', `${name}.key`)),
    intensity,
  }
}

function readToken(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw wrong(`--owner-token-file: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  const token = tokenText.safeParse(text.trim())
  if (!token.success)
    throw wrong(`--owner-token-file: ${file} does not hold an owner token (fpnt_ and 43 characters)`)
  return token.data
}

function wrong(message: string): ForgeError {
  return new ForgeError('CONTRACT_INVALID', message, { hint: 'See --help.' })
}
