import { invariant } from '../../kernel/errors.ts'

/** A bigint of the database as a number. @throws ForgeError INTERNAL beyond 2^53 - 1 */
export function safeNumber(value: bigint | string): number {
  const number = Number(value)
  invariant(Number.isSafeInteger(number), `${value} does not fit a number`)
  return number
}
