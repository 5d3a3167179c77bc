import type { Figure } from '../../kernel/ops/op.ts'

/** A figure in one line, for lists: `10.4506 ± 0.0123 USD`. The interval decides how many digits the value shows. */
export function formatHeadline(figure: Figure): string {
  const unit = figure.unit === undefined ? '' : ` ${figure.unit}`
  if (typeof figure.value === 'string') return `${figure.value}${unit}`
  if (figure.plus_minus === undefined || !(figure.plus_minus > 0)) return `${figure.value}${unit}`
  const digits = Math.min(12, Math.max(0, 2 - Math.ceil(Math.log10(figure.plus_minus))))
  return `${figure.value.toFixed(digits)} ± ${figure.plus_minus.toFixed(digits)}${unit}`
}
