import type { Expr } from './ir.ts'

/** Invocations side by side. A group of them begins at a multiple of this number. */
const LANES = 4
/** Larger ones are of no use, and could wrap. */
const STEP_MAX = 2 ** 24

/** In lane l the value is that of lane 0 plus `step` l, modulo 2^32. */
export interface LaneForm {
  readonly step: number
  /** The value of lane 0 is a multiple of the number of lanes. */
  readonly aligned: boolean
}

interface Known {
  readonly varying: ReadonlySet<number>
  readonly forms: ReadonlyMap<number, LaneForm>
}

/**
 * How the values of an expression follow one another over the lanes. Of a value with a form, that of lane 0 is the
 * expression of the lane 0 values: so is that of a uniform value, in all lanes.
 */
export function formOf(e: Expr, known: Known): LaneForm | 'uniform' | 'varying' {
  switch (e.k) {
    case 'local':
      return known.varying.has(e.local) ? (known.forms.get(e.local) ?? 'varying') : 'uniform'
    case 'unary':
      return formOf(e.a, known) === 'uniform' ? 'uniform' : 'varying'
    case 'select':
      return [e.when, e.yes, e.no].every((part) => formOf(part, known) === 'uniform') ? 'uniform' : 'varying'
    case 'binary':
      return binaryForm(e, formOf(e.a, known), formOf(e.b, known))
    default:
      return 'uniform'
  }
}

function binaryForm(
  e: Expr & { k: 'binary' },
  a: LaneForm | 'uniform' | 'varying',
  b: LaneForm | 'uniform' | 'varying',
): LaneForm | 'uniform' | 'varying' {
  if (a === 'uniform' && b === 'uniform') return 'uniform'
  if (a === 'varying' || b === 'varying') return 'varying'
  if (e.op === 'add') {
    const step = (a === 'uniform' ? 0 : a.step) + (b === 'uniform' ? 0 : b.step)
    return step <= STEP_MAX ? { step, aligned: isAligned(e.a, a) && isAligned(e.b, b) } : 'varying'
  }
  if (a === 'uniform' || b !== 'uniform' || e.b.k !== 'const') return 'varying'
  const by = e.b.value
  // Neighbours 4 n .. 4 n + 3: nothing that divides by a multiple of four tells them apart.
  const neighbours = a.step === 1 && a.aligned
  switch (e.op) {
    case 'mul':
      return a.step * by <= STEP_MAX
        ? { step: a.step * by, aligned: a.aligned || by % LANES === 0 }
        : 'varying'
    case 'shl':
      return a.step * 2 ** by <= STEP_MAX
        ? { step: a.step * 2 ** by, aligned: a.aligned || by >= 2 }
        : 'varying'
    case 'shr_u':
      return neighbours && by >= 2 ? 'uniform' : 'varying'
    case 'div_u':
      return neighbours && by % LANES === 0 && by > 0 ? 'uniform' : 'varying'
    case 'rem_u':
      return neighbours && by % LANES === 0 && by > 0 ? a : 'varying'
    case 'and':
      return neighbours && by % LANES === LANES - 1
        ? a
        : neighbours && by % LANES === 0
          ? 'uniform'
          : 'varying'
    default:
      return 'varying'
  }
}

function isAligned(e: Expr, form: LaneForm | 'uniform' | 'varying'): boolean {
  if (form === 'varying') return false
  return form === 'uniform' ? e.k === 'const' && e.value % LANES === 0 : form.aligned
}
