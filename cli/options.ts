import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ForgeError } from '../kernel/errors.ts'

type OptionNames = NonNullable<ParseArgsConfig['options']>

/**
 * Options and operands of a command.
 * @throws ForgeError CONTRACT_INVALID in one line
 */
export function parseOptions<O extends OptionNames>(argv: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (cause) {
    throw wrongUse(cause instanceof Error ? cause.message : String(cause))
  }
}

/** @throws ForgeError CONTRACT_INVALID unless the text is a whole number between the bounds */
export function wholeNumber(text: string, name: string, least: number, most: number): number {
  const value = Number(text)
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || value < least || value > most)
    throw wrongUse(`--${name}: a whole number from ${least} to ${most} is expected`)
  return value
}

/** @throws ForgeError CONTRACT_INVALID unless there is exactly one operand */
export function oneFile(operands: readonly string[]): string {
  const [file, ...more] = operands
  if (file === undefined || more.length > 0) throw wrongUse('one FILE is expected')
  return file
}

export function wrongUse(message: string): ForgeError {
  return new ForgeError('CONTRACT_INVALID', message, { hint: 'See --help.' })
}
