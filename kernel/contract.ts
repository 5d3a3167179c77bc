import { z } from 'zod'
import { canonicalJson, type Json, type JsonObject, parseJsonStrict } from './canonical.ts'
import { type HexDigest, sha256Hex } from './digest.ts'
import { ForgeError } from './errors.ts'
import { LIMITS } from './limits.ts'

/**
 * The execution contract, version 1. The schema is complete from the first day; what the network cannot honour yet
 * is parsed and then refused with NOT_YET_AVAILABLE (`assertAvailable`), so that no contract ever means less than it
 * says. A new field with a default is a new contract version, because the default becomes part of the hash.
 */

const hexDigest = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 digest is 64 lower-case hexadecimal digits')

/** An operation's full name, written `mc@1/gbm.v1`. */
export const opRefSchema = z.strictObject({
  name: z.string().regex(/^[a-z]{1,16}$/, 'a family name has 1 to 16 lower-case letters'),
  version: z.int().min(1).max(1_000_000),
  profile: z.string().regex(/^[a-z0-9]{1,24}\.v[1-9][0-9]{0,5}$/, 'a profile looks like gbm.v1'),
})
export type OpRef = z.infer<typeof opRefSchema>

export const dtypeSchema = z.enum(['int8', 'int16', 'int32', 'uint8', 'uint32', 'float32', 'float64'])
export type Dtype = z.infer<typeof dtypeSchema>

/** A content-addressed operand: little-endian, row-major. */
export const inputRefSchema = z.strictObject({
  digest: hexDigest,
  dtype: dtypeSchema,
  shape: z.array(z.int().min(1).max(LIMITS.blob_bytes)).min(1).max(LIMITS.input_rank),
  kv_version: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
})
export type InputRef = z.infer<typeof inputRefSchema>
export type InputRefs = Readonly<Record<string, InputRef>>

const seedSchema = z.discriminatedUnion('mode', [
  z.strictObject({
    mode: z.literal('explicit'),
    value: z
      .string()
      .regex(/^[\x20-\x7e]*$/, 'printable ASCII only')
      .min(1)
      .max(LIMITS.seed_chars),
  }),
  z.strictObject({ mode: z.literal('derived') }),
])
export type Seed = z.infer<typeof seedSchema>

export const verifySchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('none') }),
  z.strictObject({ mode: z.literal('spotcheck'), rate: z.number().gt(0).max(1) }),
  z.strictObject({ mode: z.literal('quorum'), k: z.int().min(2).max(LIMITS.quorum_max).default(2) }),
  z.strictObject({ mode: z.literal('full') }),
  z.strictObject({ mode: z.literal('adaptive'), epsilon: z.number().gt(0).lt(1).default(1e-4) }),
  z.strictObject({ mode: z.literal('algebraic') }),
])

const policySchema = z.strictObject({
  target: z.enum(['any', 'cpu', 'gpu']).default('any'),
  min_agents: z.int().min(1).max(1_000_000).default(1),
  max_agents: z.int().min(1).max(1_000_000).optional(),
  timeout_ms: z.int().min(1000).max(LIMITS.timeout_ms_max).default(LIMITS.timeout_ms_default),
  classification: z.enum(['public', 'project']).default('public'),
})

const contextSchema = z.strictObject({
  job_id: z.string().min(1).max(128).optional(),
  trace_id: z.string().min(1).max(128).optional(),
  billing: z.string().min(1).max(64).optional(),
})

const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'an object is expected',
)

export const contractSchema = z.strictObject({
  contract: z.literal(1),
  ctx: contextSchema.optional(),
  op: opRefSchema,
  args: jsonObject,
  inputs: z
    .record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), inputRefSchema, {
      error: (issue) =>
        issue.code === 'invalid_key' ? 'an input name has lower-case letters, digits and _' : undefined,
    })
    .refine(
      (inputs) => Object.keys(inputs).length <= LIMITS.input_count,
      `at most ${LIMITS.input_count} inputs`,
    )
    .default({}),
  seed: seedSchema,
  policy: policySchema.prefault({}),
  verify: verifySchema,
  artifacts: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/))
    .max(16)
    .optional(),
})

/** A parsed contract whose `args` the op's own schema has not seen yet; `prepare` gives the fully parsed one. */
export type Contract = z.infer<typeof contractSchema>
/** What a submitter may write: defaults left out. */
export type ContractInput = z.input<typeof contractSchema>

export function formatOp(op: OpRef): string {
  return `${op.name}@${op.version}/${op.profile}`
}

/** @throws ForgeError UNKNOWN_OP when the text is not of the form `mc@1/gbm.v1` */
export function parseOpRef(text: string): OpRef {
  const match = /^([a-z]+)@([1-9][0-9]*)\/(.+)$/.exec(text)
  const parsed = opRefSchema.safeParse({ name: match?.[1], version: Number(match?.[2]), profile: match?.[3] })
  if (!parsed.success)
    throw new ForgeError('UNKNOWN_OP', `${JSON.stringify(text)} is not an op name`, {
      hint: 'Write it like mc@1/gbm.v1.',
    })
  return parsed.data
}

/** Turns the first issue of a schema failure into the project's error, with the field's path (a field too many included). */
export function schemaError(
  error: z.ZodError,
  code: 'CONTRACT_INVALID' | 'ARGS_OUT_OF_RANGE' | 'MESSAGE_INVALID',
  prefix = '',
): ForgeError {
  const issue = error.issues[0]
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const segments = [...(issue?.path ?? []), ...unknown]
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
  const path = `${prefix}${segments}`.replace(/^\./, '')
  return new ForgeError(code, `${path === '' ? 'the value' : path}: ${issue?.message ?? 'invalid'}`, {
    path,
    hint: 'Correct this field and send it again; the schema of each op is on its documentation page.',
  })
}

/**
 * Validates the shape of a contract. The op's own schema is applied by `prepare` in `job.ts`.
 * @throws ForgeError CONTRACT_INVALID with the path of the first offending field
 */
export function parseContract(value: unknown): Contract {
  const parsed = contractSchema.safeParse(value)
  if (!parsed.success) throw schemaError(parsed.error, 'CONTRACT_INVALID')
  return parsed.data
}

/** Strict JSON text to contract. @throws ForgeError as `parseJsonStrict` and `parseContract` do */
export function parseContractText(text: string): Contract {
  return parseContract(parseJsonStrict(text))
}

/** The canonical form without `ctx`: what is hashed, stored, sent to agents. */
export function canonicalContract(contract: Contract): string {
  const { ctx: _, ...rest } = contract
  return canonicalJson(rest as unknown as Json)
}

/** SHA-256 of the canonical form without `ctx`. */
export function contractHash(contract: Contract): HexDigest {
  return sha256Hex(canonicalContract(contract))
}

/**
 * Refuses what the schema names and the network does not do yet.
 * @throws ForgeError NOT_YET_AVAILABLE with the field's path
 */
export function assertAvailable(contract: Contract): void {
  const refuse = (path: string, what: string, hint: string): never => {
    throw new ForgeError('NOT_YET_AVAILABLE', `${what} is not available yet`, { path, hint })
  }
  const { verify, policy } = contract
  if (verify.mode !== 'none' && verify.mode !== 'quorum') {
    refuse('verify.mode', `verify mode "${verify.mode}"`, 'Use {"mode":"quorum","k":2} or {"mode":"none"}.')
  }
  if (policy.classification !== 'public')
    refuse('policy.classification', 'a project classification', 'Use "public".')
  if (contract.artifacts !== undefined)
    refuse('artifacts', 'a choice of artifacts', 'Leave artifacts out: all are kept.')
  for (const [name, input] of Object.entries(contract.inputs)) {
    if (input.kv_version !== undefined)
      refuse(`inputs.${name}.kv_version`, 'a key-value input', 'Give the digest alone.')
  }
}
