import type { InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { inputRef, operandWords } from '../operand.ts'
import { type NttArgs, nttArgs } from './args.ts'
import { FIELDS, inverseMod, type PrimeField, rootOfOrder } from './field.ts'
import { goldenNtt } from './golden.ts'
import { isSigned, type NttConstants, type NttPlan, planNtt } from './plan.ts'
import {
  checkFactor,
  emptyResidues,
  type NttResult,
  nttResult,
  placeFactor,
  type Residues,
  reduceResidues,
} from './result.ts'
import { summariseNtt } from './summary.ts'

const KERNEL = 'tensor/ntt.v1'
/** Coefficients of one GPU invocation in a stage, and words for the roots of levels; RUN and LEVELS of the kernel. */
const RUN = 16
const LEVEL_WORDS = 2 * 32

/** The kernel's constants of one prime: p, 1/p and 2^32 and 2^64/M modulo it; a root of order N and its inverse times 2^32. */
function primeWords(field: PrimeField, { log2_length, log2_size }: NttConstants): number[] {
  const { p } = field
  const wide = BigInt(p)
  const times32 = (x: number) => Number((BigInt(x) << 32n) % wide)
  // Newton's iteration doubles the correct bits of 1/p modulo 2^32: 3, 6, 12, 24, 48.
  let inverse = p
  for (let i = 0; i < 4; i++) inverse = Math.imul(inverse, 2 - Math.imul(p, inverse))
  const root = rootOfOrder(field, log2_length)
  const scale = (BigInt(inverseMod(2 ** log2_size, p)) << 64n) % wide
  return [p, inverse, times32(1), Number(scale), times32(root), times32(inverseMod(root, p)), 0, 0]
}

function gpuNtt(plan: NttPlan, inputs: InputRefs): GpuProgram {
  const c = plan.constants
  const size = 2 ** c.log2_size
  const stage = size / RUN
  const pack = (name: string) => (bytes: Uint8Array) => operandWords(name, inputRef(inputs, name), bytes)
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      c.log2_size,
      c.log2_length,
      c.log2_parts,
      0,
      c.a_length,
      c.b_length,
      isSigned(inputRef(inputs, 'a')) ? 1 : 0,
      isSigned(inputRef(inputs, 'b')) ? 1 : 0,
      ...FIELDS.flatMap((field) => primeWords(field, c)),
    ),
    // Residues and roots, the levels down, the pointwise product, the levels up.
    invocations: stage * (2 * c.log2_size + 2),
    stage_invocations: stage,
    slot_words: 3 * size + LEVEL_WORDS,
    inputs: [
      { name: 'a', pack: pack('a') },
      { name: 'b', pack: pack('b') },
    ],
    leaf: (_shard, slot) => wordsToBytes(slot.subarray(0, size)),
  }
}

const operand = (title: string) => ({
  title,
  description: 'Integers of one sequence, shape [length]; for a product uint32 digits, the lowest first.',
  dtypes: ['int8', 'int16', 'int32', 'uint8', 'uint32'] as const,
  rank: 1,
})

export const nttSpec: OpSpec<NttArgs, NttConstants, Residues, NttResult> = {
  ref: { name: 'tensor', version: 1, profile: 'ntt.v1' },
  title: 'Exact convolution and big-integer product',
  description:
    'Convolves two sequences of integers, or multiplies two natural numbers of up to 134 million bits together, by ' +
    'number-theoretic transforms over three 31-bit prime fields. Each shard multiplies polynomials modulo one prime and ' +
    'one factor of x^N - 1; the Chinese remainder theorem joins them.',
  args: nttArgs,
  inputs: { a: operand('a'), b: operand('b') },
  example: { operation: 'convolution' },
  golden: goldenNtt,
  kernel: KERNEL,
  tables: [],
  plan: planNtt,
  gpu: ({ plan, inputRefs }) => gpuNtt(plan, inputRefs),
  checkLeaf: checkFactor,
  fold: { empty: emptyResidues, add: placeFactor },
  reduce: (args, plan, residues) => reduceResidues(args, residues, plan.constants.signed),
  result: nttResult,
  summarise: (_args, result) => summariseNtt(result),
}

export const ntt = defineOp(nttSpec)
