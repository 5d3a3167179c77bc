import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { type Client, postOf } from './client.ts'

/**
 * The demo's people are real accounts: they sign up and sign in over the public API. Their passwords are kept in the data
 * folder beside the database that they belong to, in a file that only this user may read, so that a second demo on the
 * same data has the same people. They are random and never shown.
 */

const keptSchema = z.record(z.string().max(60), z.object({ email: z.email(), password: z.string().min(20) }))
type Kept = z.infer<typeof keptSchema>

const secretSchema = z.object({ token: z.string(), view: z.object({ id: z.string() }) })

/** Somebody who has signed in. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
  /** The site with his session's cookies. */
  readonly client: Client
}

/**
 * Signs somebody in, and up where the site does not know him yet.
 * @param dataDir where his password is kept
 * @param anew with another account than the one he had
 */
export async function signIn(site: Client, dataDir: string, name: string, anew = false): Promise<Person> {
  const file = path.join(dataDir, 'demo-accounts.json')
  const kept = readKept(file)
  const known = anew ? undefined : kept[name]
  const account = known ?? newAccount(name)
  // Kept first: an account whose password was lost would be of no use.
  if (known === undefined) writeKept(file, { ...kept, [name]: account })
  return enter(site, name, account)
}

/** A key for programs or a token for agents; it is revoked when the demo ends. */
export async function withSecret(
  person: Person,
  kind: 'keys' | 'nodeTokens',
): Promise<{ readonly token: string; revoke(): Promise<void> }> {
  const { token, view } = await person.client.mutate(`${kind}.create`, { name: 'demo' }, secretSchema)
  return {
    token,
    revoke: async () => void (await person.client.mutate(`${kind}.revoke`, { id: view.id }, z.unknown())),
  }
}

async function enter(site: Client, name: string, account: Kept[string]): Promise<Person> {
  const attempt = () => site.fetch('/api/auth/sign-in/email', postOf(account))
  let response = await attempt()
  if (response.status === 401) {
    // A new database, perhaps. The answer to a sign-up does not say whether the address was known: the next sign-in does.
    await site.post('/api/auth/sign-up/email', { name, ...account })
    response = await attempt()
  }
  if (!response.ok) throw new Error(`${name} cannot sign in: HTTP ${response.status}`)
  const cookie = response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ')
  return { name, ...account, client: site.as({ cookie }) }
}

function newAccount(name: string): Kept[string] {
  const unique = randomBytes(6).toString('hex')
  return {
    email: `${name.toLowerCase()}-${unique}@demo.example`,
    password: randomBytes(24).toString('base64url'),
  }
}

function readKept(file: string): Kept {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return {}
  }
  return keptSchema.parse(JSON.parse(text))
}

/** Whole or not at all, and for nobody else's eyes from the first byte on. */
function writeKept(file: string, kept: Kept): void {
  mkdirSync(path.dirname(file), { recursive: true })
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}
