import type { Json, JsonObject } from '../../../kernel/canonical.ts'
import { assertAvailable, formatOp } from '../../../kernel/contract.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import type { Op, PreparedJob } from '../../../kernel/job.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { forgeErrorOf } from '../../data/errors.ts'

/** A contract while it is being written: any JSON object, valid or not yet. */
export type Draft = JsonObject

export function newDraft(op: Op): Draft {
  return {
    contract: 1,
    op: { ...op.ref },
    args: op.example,
    ...(Object.keys(op.inputs).length === 0 ? {} : { inputs: {} }),
    seed: { mode: 'derived' },
    verify: { mode: 'quorum', k: 2 },
  }
}

export type Check =
  | { readonly ok: true; readonly job: PreparedJob }
  | { readonly ok: false; readonly error: ForgeErrorJson }

/** The same parsing and planning as the server's, here and now: the quote needs no request. */
export function checkDraft(draft: Json): Check {
  try {
    const job = OPS.prepare(draft)
    assertAvailable(job.contract)
    return { ok: true, job }
  } catch (error) {
    return { ok: false, error: forgeErrorOf(error) }
  }
}

/** Every complaint of the op's own schema, by argument, so that a form can show them all at once. */
export function argErrors(op: Op, args: Json | undefined): ReadonlyMap<string, string> {
  const parsed = op.args.safeParse(args)
  const errors = new Map<string, string>()
  if (parsed.success) return errors
  for (const issue of parsed.error.issues) {
    const name = String(issue.path[0] ?? '')
    const inside = issue.path.slice(1)
    // A member of an object is named by its path; a complaint about the whole by nothing more.
    const isMember = inside.length > 0 && inside.every((part) => typeof part === 'string')
    const message = isMember ? `${inside.join('.')}: ${issue.message}` : issue.message
    if (!errors.has(name)) errors.set(name, message)
  }
  return errors
}

export function opOf(draft: Json): Op | undefined {
  const ref = field(draft, 'op')
  if (ref === undefined) return undefined
  const id = formatOp({
    name: String(field(ref, 'name')),
    version: Number(field(ref, 'version')),
    profile: String(field(ref, 'profile')),
  })
  return OPS.list().find((op) => op.id === id)
}

/** A member of an object, or undefined for everything else. */
export function field(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectField(value: Json | undefined, key: string): JsonObject {
  const member = field(value, key)
  return isObject(member) ? member : {}
}

/** The member at a path such as `target.standard_error`. */
export function memberAt(value: Json | undefined, path: string): Json | undefined {
  return path.split('.').reduce<Json | undefined>(field, value)
}

/** A copy with the member at a path set; objects on the way that hold nothing any more are left out. */
export function withMember(object: JsonObject, path: string, value: Json | undefined): JsonObject {
  const [key = '', ...rest] = path.split('.')
  if (rest.length === 0) return withField(object, key, value)
  const inner = withMember(objectField(object, key), rest.join('.'), value)
  return withField(object, key, Object.keys(inner).length === 0 ? undefined : inner)
}

/** A copy with one member set, or left out when the value is undefined. */
export function withField(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  const { [key]: _, ...rest } = object
  if (value === undefined) return rest
  // Keeps the key's place, so that the JSON text does not jump while a form field is edited.
  return Object.hasOwn(object, key)
    ? Object.fromEntries(Object.entries(object).map(([name, old]) => [name, name === key ? value : old]))
    : { ...object, [key]: value }
}
