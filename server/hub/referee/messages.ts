import { z } from 'zod'

/** Messages between the hub and its referee's thread. */

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'bytes are expected')
const hash = z.string().length(64)

export const refereeRequestSchema = z.discriminatedUnion('t', [
  z.strictObject({
    t: z.literal('load'),
    canonical: z.string(),
    contract_hash: hash,
    inputs: z.array(z.tuple([z.string(), bytes])),
  }),
  z.strictObject({ t: z.literal('unload'), contract_hash: hash }),
  z.strictObject({ t: z.literal('run'), id: z.int(), contract_hash: hash, shards: z.array(z.int().min(0)) }),
])
export type RefereeRequest = z.infer<typeof refereeRequestSchema>

export const refereeAnswerSchema = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('done'), id: z.int(), leaves: z.array(bytes) }),
  z.strictObject({ t: z.literal('failed'), id: z.int(), message: z.string() }),
])
export type RefereeAnswer = z.infer<typeof refereeAnswerSchema>

export const refereeDataSchema = z.strictObject({ cpu_share: z.number().gt(0).max(1) })
