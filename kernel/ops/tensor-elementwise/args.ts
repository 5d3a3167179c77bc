import { z } from 'zod'

/** In the order of the kernel's numbers. */
export const OPERATIONS = [
  'add',
  'subtract',
  'multiply',
  'minimum',
  'maximum',
  'distance',
  'and',
  'or',
  'xor',
] as const

export const elementwiseArgs = z.strictObject({
  operation: z.enum(OPERATIONS).meta({
    title: 'Operation',
    description: 'Of each element of a with one of b. distance: |a - b|. and, or, xor: of the 32-bit words.',
  }),
  shift: z.int().min(0).max(31).default(0).meta({
    title: 'Shift',
    description:
      'Divides by 2 to this power, rounding to the nearest integer, a half upwards: fixed-point products.',
    unit: 'bits',
  }),
  result: z.enum(['int8', 'int16', 'int32', 'uint8', 'uint32']).default('int32').meta({
    title: 'Type of the result',
    description: 'Values beyond its range become its least or greatest element, and are counted.',
  }),
})

export type ElementwiseArgs = z.infer<typeof elementwiseArgs>
