import { cookiePrefixOf, type SignIn, type SignInOptions } from './sign-in.ts'

/**
 * Sign-in whose library, a tenth of the server's memory, is loaded when somebody first comes with a session or wants one:
 * a server that only agents and programs with keys talk to does without it.
 */
export function createSignIn(options: SignInOptions): SignIn {
  const sessionCookie = `${cookiePrefixOf(options.origin)}.session_token=`
  let opened: Promise<SignIn> | undefined
  const open = (): Promise<SignIn> => {
    opened ??= load(options).catch((error: unknown) => {
      // Whoever comes next tries again.
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    handle: async (request) => (await open()).handle(request),
    session: async (cookies) =>
      cookies.includes(sessionCookie) ? (await open()).session(cookies) : undefined,
    passwordFits: async (userId, password) => (await open()).passwordFits(userId, password),
  }
}

async function load(options: SignInOptions): Promise<SignIn> {
  const { openSignIn } = await import('./better-auth.ts')
  return openSignIn(options)
}
