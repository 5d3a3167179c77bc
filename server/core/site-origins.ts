import { ForgeError } from '../../kernel/errors.ts'
import { CORE_LIMITS } from './limits.ts'

/**
 * The origins on whose pages a site key works. They stand in `frame-ancestors` of the frame's Content-Security-Policy, so
 * each must be exactly one origin: no wildcard, path, user or query, in the form in which browsers write it.
 */

const LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?'
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
/** Without TLS a page can be changed on its way; on the visitor's own machine nobody stands in between. */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1'])

/** @throws ForgeError INPUT_INVALID with the path of the one that is wrong, and what to write */
export function parseOrigins(texts: readonly string[]): readonly string[] {
  if (texts.length > CORE_LIMITS.site_origins) {
    throw new ForgeError('INPUT_INVALID', `at most ${CORE_LIMITS.site_origins} origins are allowed`, {
      path: 'allowed_origins',
    })
  }
  return [...new Set(texts.map((text, index) => parseOrigin(text, `allowed_origins.${index}`)))]
}

function parseOrigin(text: string, path: string): string {
  const shown = JSON.stringify(text.slice(0, 100))
  const wrong = (why: string, hint: string) =>
    new ForgeError('INPUT_INVALID', `${shown} ${why}`, { path, hint })
  const EXAMPLE = 'Write it like https://www.example.org, with the port if it has one.'
  if (text.length > CORE_LIMITS.origin_chars || !URL.canParse(text)) throw wrong('is not an origin', EXAMPLE)
  const url = new URL(text)
  if (!HOST.test(url.hostname))
    throw wrong('does not name one host', 'Wildcards and IPv6 addresses are not possible; list each origin.')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.has(url.hostname)))
    throw wrong('is not safe', 'Use https; http is for localhost and 127.0.0.1 only.')
  if (url.origin !== text) throw wrong('is more than an origin, or written otherwise', `Write ${url.origin}`)
  return text
}
