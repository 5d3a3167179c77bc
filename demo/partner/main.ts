import { parseArgs } from 'node:util'
import { startPartnerSite } from './site.ts'

/** The demonstration partner by itself, for trying a site key of your own by hand. */

const HELP = `Usage: node --import tsx demo/partner/main.ts --site-key fpsk_… [options]

Serves a page that embeds the agent. Allow its origin, http://localhost:PORT, in the settings of the site.

  --site-key KEY   the site's key, from the page Sites
  --pool URL       origin of the pool (default: http://localhost:3000)
  --port N         default: 4000
  --phones         also ask phones (the site's setting must allow it, too)
`

const { values } = parseArgs({
  options: {
    'site-key': { type: 'string' },
    pool: { type: 'string', default: 'http://localhost:3000' },
    port: { type: 'string', default: '4000' },
    phones: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const siteKey = values['site-key']
const port = Number(values.port)
if (values.help || siteKey === undefined || !Number.isInteger(port) || !URL.canParse(values.pool)) {
  process.stdout.write(HELP)
  process.exitCode = values.help ? 0 : 2
} else {
  const { origin } = await startPartnerSite({
    pool: new URL(values.pool).origin,
    siteKey: () => siteKey,
    port,
    attributes: values.phones ? 'data-phones="on"' : '',
  })
  console.log(`The partner's page is at ${origin}`)
}
