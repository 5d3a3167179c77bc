import type { OpRef } from '../contract.ts'

/** The folder beside this file that holds an op: `mc-gbm` for mc@1/gbm.v1, `mc-gbm-v2` for mc@1/gbm.v2. */
export function opFolder({ name, profile }: OpRef): string {
  return `${name}-${profile.replace(/[.]v1$/, '').replace('.', '-')}`
}
