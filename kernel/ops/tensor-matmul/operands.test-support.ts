import { type Contract, parseContract } from '../../contract.ts'
import { sha256Hex } from '../../digest.ts'
import type { PreparedJob } from '../../job.ts'
import { matmul } from './index.ts'

export interface Shape {
  readonly rows: number
  readonly depth: number
  readonly columns: number
}

/** Bytes of a matrix of int8 elements. */
export function int8Bytes(count: number, element: (index: number) => number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => element(index) & 0xff)
}

/** Bits 16 to 23 of (i + salt) * 2654435761, as testdata/generate.py makes its operands. */
export function mixed(salt: number): (index: number) => number {
  return (index) => (Math.imul(index + salt, 2654435761) >>> 16) & 0xff
}

export function matmulContract({ rows, depth, columns }: Shape, a: string, b: string): Contract {
  return parseContract({
    contract: 1,
    op: matmul.ref,
    args: {},
    inputs: {
      a: { digest: a, dtype: 'int8', shape: [rows, depth] },
      b: { digest: b, dtype: 'int8', shape: [depth, columns] },
    },
    seed: { mode: 'derived' },
    verify: { mode: 'quorum', k: 2 },
  })
}

/** A job with its operands. */
export function product(
  shape: Shape,
  a: Uint8Array,
  b: Uint8Array,
): { job: PreparedJob; inputs: ReadonlyMap<string, Uint8Array> } {
  const job = matmul.prepare(matmulContract(shape, sha256Hex(a), sha256Hex(b)))
  return {
    job,
    inputs: new Map([
      ['a', a],
      ['b', b],
    ]),
  }
}

/** The definition, in BigInt. @returns C row-major */
export function naiveProduct({ rows, depth, columns }: Shape, a: Uint8Array, b: Uint8Array): bigint[] {
  const element = (bytes: Uint8Array, at: number): bigint => BigInt.asIntN(8, BigInt(bytes[at] as number))
  const c: bigint[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0n
      for (let k = 0; k < depth; k++) sum += element(a, i * depth + k) * element(b, k * columns + j)
      c.push(sum)
    }
  }
  return c
}

/** Little-endian int32 elements. */
export function int32Elements(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 4 }, (_, i) => BigInt(view.getInt32(4 * i, true)))
}
