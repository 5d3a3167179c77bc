import type { Statement } from './ir.ts'

/** Whether a statement leaves by the label. */
export function exits(statements: readonly Statement[], label: number): boolean {
  return statements.some((statement) => {
    switch (statement.k) {
      case 'exit':
        return statement.label === label
      case 'if':
        return exits(statement.yes, label) || exits(statement.no, label)
      case 'block':
      case 'loop':
        return exits(statement.body, label)
      default:
        return false
    }
  })
}
