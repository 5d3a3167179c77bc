import { z } from 'zod'

const price = (title: string, description: string) =>
  z.number().min(0.0001).max(1_000_000_000).meta({ title, description, unit: 'currency' })

const yearlyRate = z.number().min(-1).max(1)

const STYLES = ['european', 'asian', 'digital', 'barrier', 'lookback'] as const
const BARRIERS = ['up_and_in', 'up_and_out', 'down_and_in', 'down_and_out'] as const

/** Arguments of one style; `only_with` tells forms and documentation. */
const only = (style: (typeof STYLES)[number]) => ({ only_with: { style } })

// The fields of the later styles have no defaults: filled in, they would change the canonical form of earlier contracts.
const fields = z.strictObject({
  spot: price('Spot price', 'Price of the underlying today.'),
  strike: price(
    'Strike',
    'Price at which the option is exercised; left out only where a lookback option has a floating strike.',
  )
    .exactOptional()
    .meta({ except_with: { strike_type: 'floating' } }),
  rate: yearlyRate.meta({
    title: 'Interest rate',
    description: 'Continuously compounded; 0.05 is 5 % a year.',
    unit: '1/year',
  }),
  dividend_yield: yearlyRate.default(0).meta({
    title: 'Dividend yield',
    description: 'Continuous; 0.02 is 2 % a year.',
    unit: '1/year',
  }),
  volatility: z.number().min(0.001).max(5).meta({
    title: 'Volatility',
    description: 'Standard deviation of the yearly log return; 0.2 is 20 %.',
    unit: '1/sqrt(year)',
  }),
  maturity_years: z.number().min(0.001).max(50).meta({
    title: 'Maturity',
    description: 'Time to exercise.',
    unit: 'years',
  }),
  steps: z
    .int()
    .min(1)
    .max(4096)
    .meta({
      title: 'Time steps',
      description:
        'Equal steps to maturity. An Asian option averages the prices after each of them; barrier and lookback options are ' +
        'watched at the start and after each of them.',
      unit: 'steps',
    }),
  paths: z.int().min(2).max(1_099_511_627_776).meta({
    title: 'Paths',
    description: 'Simulated price paths. Four times as many halve the standard error.',
    unit: 'paths',
  }),
  style: z.enum(STYLES).meta({
    title: 'Style',
    description:
      'european: the price at maturity decides. asian: the arithmetic average of the prices after each step. digital: a ' +
      'fixed payout if the price at maturity is above the strike (call), or not above it (put). barrier: a European option ' +
      'that a barrier makes or ends. lookback: the highest or the lowest price decides.',
  }),
  right: z.enum(['call', 'put']).meta({
    title: 'Right',
    description: 'call: to buy at the strike. put: to sell at the strike.',
  }),
  payout: price('Payout', 'What a digital option pays.').exactOptional().meta(only('digital')),
  barrier_type: z
    .enum(BARRIERS)
    .exactOptional()
    .meta({
      title: 'Barrier type',
      description:
        'up: reached from below. down: reached from above. in: the option begins to exist there. out: it ceases to exist.',
      ...only('barrier'),
    }),
  barrier: price('Barrier', 'Price at which the option begins or ceases to exist.')
    .exactOptional()
    .meta(only('barrier')),
  rebate: z
    .number()
    .min(0)
    .max(1_000_000_000)
    .exactOptional()
    .meta({
      title: 'Rebate',
      description: 'Paid at maturity if the option does not exist then; nothing if left out.',
      unit: 'currency',
      ...only('barrier'),
    }),
  strike_type: z
    .enum(['fixed', 'floating'])
    .exactOptional()
    .meta({
      title: 'Strike type',
      description:
        'fixed: the highest (call) or lowest (put) price against the strike. floating: the price at maturity against the ' +
        'lowest (call) or highest (put) price.',
      ...only('lookback'),
    }),
  greeks: z
    .boolean()
    .exactOptional()
    .meta({
      title: 'Greeks',
      description:
        'Delta, gamma, vega, rho and theta, by revaluing every path with changed terms. Eleven revaluations: about eleven ' +
        'times the work.',
    }),
})

type Fields = z.infer<typeof fields>

/** What each style needs, and may have, besides what all have. */
const NEEDS: Readonly<Record<Fields['style'], readonly (keyof Fields)[]>> = {
  european: ['strike'],
  asian: ['strike'],
  digital: ['strike', 'payout'],
  barrier: ['strike', 'barrier_type', 'barrier'],
  lookback: ['strike_type'],
}
const MAY_HAVE: Readonly<Partial<Record<Fields['style'], readonly (keyof Fields)[]>>> = {
  barrier: ['rebate'],
  lookback: ['strike'],
}
const OF_SOME = ['strike', 'payout', 'barrier_type', 'barrier', 'rebate', 'strike_type'] as const

export const gbmArgs = fields.superRefine((args, context) => {
  const complain = (field: keyof Fields, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message })
  const needs = NEEDS[args.style]
  for (const field of OF_SOME) {
    const given = args[field] !== undefined
    const fixed = field === 'strike' && args.strike_type === 'fixed'
    if (!given && (needs.includes(field) || fixed)) complain(field, `the style "${args.style}" needs it`)
    if (given && !needs.includes(field) && !MAY_HAVE[args.style]?.includes(field))
      complain(field, `the style "${args.style}" has none`)
  }
  if (args.strike_type === 'floating' && args.strike !== undefined)
    complain('strike', 'a floating strike is not given')
})

/** The strike, or the spot in its place where the strike floats. */
export function strikeOf(args: Pick<GbmArgs, 'spot' | 'strike'>): number {
  return args.strike ?? args.spot
}

export type GbmArgs = z.infer<typeof gbmArgs>
