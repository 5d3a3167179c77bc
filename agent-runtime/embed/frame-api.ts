import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'
import { hubErrorJson, siteEnrolment } from '../../kernel/protocol.ts'

/** The pool's three routes for visitors of a partner's page. No cookie goes with them. */

const consentAnswer = z.object({
  consent: siteEnrolment.shape.consent,
  valid_ms: z.int().min(1).max(86_400_000),
})
export type Consent = z.infer<typeof consentAnswer>

export interface EmbedApi {
  /** The consent card was shown. */
  asked(): Promise<void>
  /** @throws ForgeError as the pool answers; UNAVAILABLE when it does not */
  consent(): Promise<Consent>
  /** @param by `visitor`: he pressed Stop; `page`: he left. Best effort: the pool ends the consent in any case. */
  stop(consent: string, by: 'visitor' | 'page'): Promise<void>
}

/** @param page origin of the page around the frame */
export function embedApi(site_key: string, page: string): EmbedApi {
  return {
    asked: async () => void (await post('asked', { site_key, page }).catch(() => undefined)),
    consent: async () => consentAnswer.parse(await post('consent', { site_key, page })),
    stop: async (consent, by) => void (await post('stop', { consent, by }).catch(() => undefined)),
  }
}

async function post(route: string, body: object): Promise<unknown> {
  const unavailable = (cause?: unknown) =>
    new ForgeError('UNAVAILABLE', 'Forge Pool does not answer', { cause })
  const response = await fetch(`/api/v0/embed/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    credentials: 'omit',
    // It outlives the page that is being left.
    keepalive: true,
  }).catch((cause: unknown) => {
    throw unavailable(cause)
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok) return answer
  const failure = z.object({ error: hubErrorJson }).safeParse(answer)
  if (!failure.success) throw unavailable()
  const { code, message, hint } = failure.data.error
  throw new ForgeError(code, message, { hint })
}
