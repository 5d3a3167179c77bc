import { z } from 'zod'
import { formatNumber } from '../../data/format.ts'

/** One field of a schema, flattened: `positions[].name`. */
export interface SchemaRow {
  readonly path: string
  readonly type: string
  readonly unit: string | undefined
  readonly title: string | undefined
  readonly description: string | undefined
  readonly range: string | undefined
  readonly fallback: string | undefined
  /** When it counts, or that it may be left out. */
  readonly condition: string | undefined
}

/** The part of JSON Schema that the ops' schemas use. */
interface Node {
  readonly type?: string | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly unit?: string | undefined
  readonly enum?: readonly (string | number | null)[] | undefined
  readonly const?: string | number | boolean | undefined
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly minItems?: number | undefined
  readonly maxItems?: number | undefined
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Node>> | undefined
  readonly required?: readonly string[] | undefined
  readonly items?: Node | undefined
  readonly prefixItems?: readonly Node[] | undefined
  readonly anyOf?: readonly Node[] | undefined
  readonly oneOf?: readonly Node[] | undefined
  readonly only_with?: Readonly<Record<string, string>> | undefined
  readonly except_with?: Readonly<Record<string, string>> | undefined
}

const names = z.record(z.string(), z.string()).optional()
const node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    type: z.union([z.string(), z.array(z.string()).transform((types) => types.join(' | '))]).optional(),
    title: z.string().optional(),
    description: z.string().optional(),
    unit: z.string().optional(),
    enum: z.array(z.union([z.string(), z.number(), z.null()])).optional(),
    const: z.union([z.string(), z.number(), z.boolean()]).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
    default: z.unknown().optional(),
    properties: z.record(z.string(), node).optional(),
    required: z.array(z.string()).optional(),
    // A tuple says `false`: nothing after its own entries.
    items: z.union([node, z.boolean().transform(() => undefined)]).optional(),
    prefixItems: z.array(node).optional(),
    anyOf: z.array(node).optional(),
    oneOf: z.array(node).optional(),
    only_with: names,
    except_with: names,
  }),
)

/** The fields of a schema in its own order, nested ones after their parent. */
export function schemaRows(schema: z.ZodType): readonly SchemaRow[] {
  const parsed = node.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  const variants = alternatives(parsed)
  const rows = (variants.length === 0 ? [parsed] : variants).flatMap((variant) => rowsOf(variant, ''))
  // Alternatives share fields: each is told once.
  return rows.filter(({ path }, i) => rows.findIndex((row) => row.path === path) === i)
}

/** A schema's shape as text, one field a line: what a program that reads it needs. */
export function schemaShape(schema: z.ZodType): string {
  return shapeOf(node.parse(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' })), '')
}

function shapeOf(field: Node, indent: string): string {
  const either = field.anyOf ?? field.oneOf
  if (either !== undefined) return [...new Set(either.map((one) => shapeOf(one, indent)))].join(' | ')
  if (field.type === 'array' && field.items !== undefined) return `${shapeOf(field.items, indent)}[]`
  if (field.properties === undefined) return typeOf(field)
  const lines = Object.entries(field.properties).map(([name, inner]) => {
    const mark = field.required?.includes(name) ? '' : '?'
    return `${indent}  ${name}${mark}: ${shapeOf(inner, `${indent}  `)}\n`
  })
  return `{\n${lines.join('')}${indent}}`
}

function alternatives({ anyOf, oneOf }: Node): readonly Node[] {
  return (anyOf ?? oneOf ?? []).filter(({ type }) => type !== 'null')
}

function rowsOf(parent: Node, prefix: string): SchemaRow[] {
  return Object.entries(parent.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const required = parent.required?.includes(name) ?? false
    const row: SchemaRow = {
      path,
      type: typeOf(field),
      unit: field.unit,
      title: field.title,
      description: field.description,
      range: rangeOf(field),
      fallback: field.default === undefined ? undefined : JSON.stringify(field.default),
      condition: conditionOf(field, required),
    }
    const inner = alternatives(field)[0] ?? field
    if (inner.type === 'array' && inner.items !== undefined)
      return [row, ...rowsOf(inner.items, `${path}[].`)]
    return [row, ...rowsOf(inner, `${path}.`)]
  })
}

function conditionOf({ only_with, except_with, default: fallback }: Node, required: boolean) {
  const list = (of: Readonly<Record<string, string>>) =>
    Object.entries(of)
      .map(([name, value]) => `${name} "${value}"`)
      .join(' and ')
  if (only_with !== undefined) return `only with ${list(only_with)}`
  if (except_with !== undefined) return `except with ${list(except_with)}`
  return required || fallback !== undefined ? undefined : 'optional'
}

function typeOf(field: Node): string {
  if (field.enum !== undefined) return field.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (field.const !== undefined) return JSON.stringify(field.const)
  const either = field.anyOf ?? field.oneOf
  if (either !== undefined) return [...new Set(either.map(typeOf))].join(' | ')
  if (field.prefixItems !== undefined) return `[${field.prefixItems.map(typeOf).join(', ')}]`
  if (field.type === 'array')
    return `list of ${field.items === undefined ? 'values' : pluralOf(typeOf(field.items))}`
  return field.type ?? 'any'
}

function pluralOf(type: string): string {
  return /^[a-z]+$/.test(type) ? `${type}s` : type
}

function rangeOf(field: Node): string | undefined {
  const counted = field.type === 'array'
  const low = counted ? field.minItems : field.minimum
  const high = counted ? field.maxItems : field.maximum
  const shown = (bound: number | undefined) =>
    bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : formatNumber(bound)
  const [from, to] = [shown(low), shown(high)]
  const unit = counted ? ' entries' : ''
  if (from !== undefined && to !== undefined) return `${from} to ${to}${unit}`
  if (from !== undefined) return `from ${from}${unit}`
  return to === undefined ? undefined : `up to ${to}${unit}`
}
