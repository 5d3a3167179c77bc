import process from 'node:process'
import { z } from 'zod'
import { asForgeError } from '../agent-runtime/failure.ts'
import { jobStateSchema } from '../kernel/api.ts'
import { ForgeError } from '../kernel/errors.ts'
import { EXIT } from './exit-codes.ts'
import { CLI_LIMITS } from './limits.ts'
import { parseOptions, wrongUse } from './options.ts'
import { harmless } from './terminal.ts'

const KEY_VARIABLE = 'FORGE_KEY'

const HELP = `Usage: forge job pause|resume|cancel ID --site URL

What its owner says of a running job. A paused job gets no new leases; what is under way finishes, and its time limit
goes on. A cancelled one cannot be resumed.

  --site URL              address of the site, such as https://pool.example
  -h, --help              this text

Environment:
  ${KEY_VARIABLE}               an API key of the job's owner (fpak_…)

Exit codes:
  0  done
  1  refused by the site, or the site cannot be reached
  2  wrong options
`

const verbs = z.enum(['pause', 'resume', 'cancel'])
const answers = z.union([z.object({ paused: z.boolean() }), z.object({ state: jobStateSchema })])
const refusal = z.object({ error: z.object({ message: z.string(), hint: z.string().optional() }) })

/** `forge job`. @returns exit code */
export async function jobCommand(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  let wish: ReturnType<typeof parseWish>
  try {
    wish = parseWish(argv, process.env[KEY_VARIABLE])
  } catch (error) {
    process.stderr.write(`${asForgeError(error).message}\n\n${HELP}`)
    return EXIT.usage
  }
  try {
    process.stdout.write(`${harmless(await ask(wish))}\n`)
    return EXIT.ok
  } catch (error) {
    const { message, hint } = asForgeError(error)
    process.stderr.write(`${harmless(hint === undefined ? message : `${message}. ${hint}`)}\n`)
    return EXIT.rejected
  }
}

/** @throws ForgeError CONTRACT_INVALID; it never shows the key */
function parseWish(argv: readonly string[], key: string | undefined) {
  const { values, positionals } = parseOptions(argv, { site: { type: 'string' } })
  const [verb, id, ...more] = positionals
  const parsed = verbs.safeParse(verb)
  if (!parsed.success || id === undefined || more.length > 0 || !/^[0-9a-f-]{36}$/.test(id))
    throw wrongUse('pause, resume or cancel and one job id are expected')
  const site = z.url({ protocol: /^https?$/ }).safeParse(values.site)
  if (!site.success) throw wrongUse('--site: an address like https://pool.example is expected')
  if (key === undefined || !/^fpak_[A-Za-z0-9_-]{43}$/.test(key))
    throw wrongUse(`${KEY_VARIABLE} holds no API key (fpak_ and 43 characters)`)
  return { verb: parsed.data, url: new URL(`/api/v0/jobs/${id}/${parsed.data}`, site.data), key }
}

/** @returns what the job is now. @throws ForgeError with the site's words */
async function ask({ url, key }: ReturnType<typeof parseWish>): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(CLI_LIMITS.site_request_ms),
  }).catch((cause: unknown) => {
    throw new ForgeError('UNAVAILABLE', `${url.origin} cannot be reached`, { cause })
  })
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok) {
    const said = refusal.safeParse(body)
    if (!said.success) throw new ForgeError('UNAVAILABLE', `${url.origin} answers ${response.status}`)
    const { message, hint } = said.data.error
    throw new ForgeError('FORBIDDEN', message, hint === undefined ? {} : { hint })
  }
  const answer = answers.parse(body)
  if ('state' in answer) return `The job is ${answer.state}.`
  return answer.paused ? 'The job is paused.' : 'The job goes on.'
}
