import { z } from 'zod'
import type { JsonObject } from '../../../kernel/canonical.ts'
import type { Op } from '../../../kernel/job.ts'

/** What a form needs to know of one argument, read from the op's own schema. */
export interface ArgField {
  readonly name: string
  readonly title: string
  readonly description: string | undefined
  readonly unit: string | undefined
  readonly kind: 'number' | 'integer' | 'choice' | 'flag' | 'text' | 'json' | 'group'
  /** Of a group, an object that may be left out: its members, those of objects inside it as `target.standard_error`. */
  readonly members: readonly ArgField[]
  readonly options: readonly (string | number)[]
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  /** The range leaves its ends out. */
  readonly exclusive: { readonly minimum: boolean; readonly maximum: boolean }
  readonly fallback: unknown
  readonly required: boolean
  /** Arguments and the value that they must have for this one to count; none: it always does. */
  readonly onlyWith: Readonly<Record<string, string>>
  /** Arguments and the value beside which this one has no place. */
  readonly exceptWith: Readonly<Record<string, string>>
}

const scalar = z.object({
  type: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  unit: z.string().optional(),
  enum: z.array(z.union([z.string(), z.number()])).optional(),
  const: z.unknown().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  default: z.unknown().optional(),
  only_with: z.record(z.string(), z.string()).default({}),
  except_with: z.record(z.string(), z.string()).default({}),
})
type Property = z.infer<typeof scalar> & {
  readonly properties?: Readonly<Record<string, Property>> | undefined
  readonly required?: readonly string[] | undefined
}

const property: z.ZodType<Property> = z.lazy(() =>
  scalar.extend({
    properties: z.record(z.string(), property).optional(),
    required: z.array(z.string()).optional(),
  }),
)

const objectSchema = z.object({
  properties: z.record(z.string(), property),
  required: z.array(z.string()).default([]),
})

/** The arguments of an op in the order of its schema; undefined when the schema is not one flat object. */
export function argFields(op: Op): readonly ArgField[] | undefined {
  const parsed = objectSchema.safeParse(z.toJSONSchema(op.args, { io: 'input', unrepresentable: 'any' }))
  if (!parsed.success) return undefined
  const { properties, required } = parsed.data
  return Object.entries(properties).map(([name, schema]) => argField(name, schema, required.includes(name)))
}

function argField(name: string, schema: Property, required: boolean): ArgField {
  return {
    name,
    title: schema.title ?? spaced(name),
    description: schema.description,
    unit: schema.unit,
    kind: kindOf(schema),
    members: membersOf(schema),
    options: schema.enum ?? [],
    minimum: safe(schema.minimum ?? schema.exclusiveMinimum),
    maximum: safe(schema.maximum ?? schema.exclusiveMaximum),
    exclusive: {
      minimum: schema.minimum === undefined && schema.exclusiveMinimum !== undefined,
      maximum: schema.maximum === undefined && schema.exclusiveMaximum !== undefined,
    },
    fallback: schema.default,
    required,
    onlyWith: schema.only_with,
    exceptWith: schema.except_with,
  }
}

/** What is inside an object, its objects opened: a form shows one level. */
function membersOf({ properties = {}, required = [] }: Property, prefix = ''): readonly ArgField[] {
  return Object.entries(properties).flatMap(([name, schema]) =>
    schema.properties === undefined
      ? [argField(`${prefix}${name}`, schema, required.includes(name))]
      : membersOf(schema, `${prefix}${name}.`),
  )
}

/** Whether an argument counts beside the others, or stands there although it does not. */
export function applies({ name, onlyWith, exceptWith }: ArgField, args: JsonObject): boolean {
  const holds = ([other, value]: readonly [string, string]) => args[other] === value
  return (
    args[name] !== undefined ||
    (Object.entries(onlyWith).every(holds) && !Object.entries(exceptWith).some(holds))
  )
}

/** Whether it may be left out; one that only counts beside others is judged by the op. */
export function isOptional({ required, onlyWith, exceptWith }: ArgField): boolean {
  return !required && Object.keys(onlyWith).length + Object.keys(exceptWith).length === 0
}

function kindOf(schema: Property): ArgField['kind'] {
  if (schema.enum !== undefined) return 'choice'
  switch (schema.type) {
    case 'number':
    case 'integer':
      return schema.type
    case 'boolean':
      return 'flag'
    case 'string':
      return 'text'
    case 'object':
      return schema.properties === undefined ? 'json' : 'group'
    default:
      return 'json'
  }
}

/** An integer schema always names the safe integers as its range; that is no statement about the argument. */
function safe(bound: number | undefined): number | undefined {
  return bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : bound
}

export function spaced(name: string): string {
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
