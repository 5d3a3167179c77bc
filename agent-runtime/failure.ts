import { ForgeError } from '../kernel/errors.ts'

/** Any thrown value as the project's error; what is not one is a fault of this program. */
export function asForgeError(thrown: unknown): ForgeError {
  if (thrown instanceof ForgeError) return thrown
  return new ForgeError('INTERNAL', thrown instanceof Error ? thrown.message : String(thrown), {
    cause: thrown,
  })
}
