/** Where somebody goes who has signed in without having wanted to go anywhere. */
export const HOME_OF_PEOPLE = '/account'

/** The page that somebody wanted before he was asked to sign in: a path of this site and nothing else. */
export function nextPath(wanted: string | string[] | null | undefined, otherwise = HOME_OF_PEOPLE): string {
  if (typeof wanted !== 'string' || !wanted.startsWith('/') || /[\\\p{Cc}]/u.test(wanted)) return otherwise
  // "//host" names another site; a base of our own shows whether the path stays on it.
  const base = 'http://site.invalid'
  if (!URL.canParse(wanted, base)) return otherwise
  const url = new URL(wanted, base)
  if (url.origin !== base) return otherwise
  return `${url.pathname}${url.search}${url.hash}`
}

/** `/sign-in?next=/submit`; the query is left out where it would say nothing. */
export function withNext(page: '/sign-in' | '/sign-up', next: string): string {
  return next === HOME_OF_PEOPLE ? page : `${page}?next=${encodeURIComponent(next)}`
}
