import { z } from 'zod'
import type { Client } from './client.ts'
import { type PartnerSite, startPartnerSite } from './partner/site.ts'
import { signIn } from './people.ts'

/** Owns the partner's site. */
const PUBLISHER = 'Marie'
const SITE_NAME = 'The Tide Table'

const siteSchema = z.object({ id: z.string(), name: z.string(), site_key: z.string() })

/** A partner's page that embeds the agent, with a site key of its publisher's account for this page's origin. */
export async function openPartner(pool: Client, dataDir: string): Promise<PartnerSite> {
  let siteKey = ''
  const partner = await startPartnerSite({ pool: pool.url, siteKey: () => siteKey, port: 0 })
  try {
    const { client } = await signIn(pool, dataDir, PUBLISHER)
    const allowed_origins = [partner.origin]
    const { items } = await client.query('sites.list', undefined, z.object({ items: z.array(siteSchema) }))
    const known = items.find(({ name }) => name === SITE_NAME)
    const site =
      known === undefined
        ? await client.mutate('sites.create', { name: SITE_NAME, allowed_origins }, siteSchema)
        : await client.mutate('sites.update', { id: known.id, allowed_origins }, siteSchema)
    siteKey = site.site_key
    return partner
  } catch (error) {
    await partner.close()
    throw error
  }
}
