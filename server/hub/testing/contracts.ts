import type { ContractInput } from '../../../kernel/contract.ts'
import { sha256Hex } from '../../../kernel/digest.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import type { BlobStore } from '../../memory/ports/blobs.ts'
import { once } from '../job-runtime.ts'

/** Contracts of tests, by what their shards cost and how their leaves travel. */

export type Asked = Pick<ContractInput, 'verify'> & Partial<Pick<ContractInput, 'policy'>>

/**
 * A strip of the plane beside the Mandelbrot set: shards that take a millisecond each, with leaves that differ and that
 * no invariant knows from ones with a bit changed.
 * @param shards at most 60
 */
export function pictureContract(shards: number, seed: string, asked: Asked): ContractInput {
  return {
    contract: 1,
    op: { name: 'media', version: 1, profile: 'mandelbrot.v1' },
    args: {
      ...{ center_re: 0.6, center_im: 0, span: 0.2 },
      ...{ width: 16, height: 8 * shards, max_iterations: 32_000 },
    },
    seed: { mode: 'explicit', value: seed },
    ...asked,
  }
}

/** Ten shards at most; the standard error meets the target after four of them. A shard takes a third of a second. */
export function piWithTarget(seed: string): ContractInput {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: 10 * 2 ** 22, convergence: { target: { standard_error: 0.00042 } } },
    seed: { mode: 'explicit', value: seed },
    verify: { mode: 'quorum', k: 2 },
  }
}

/** Shards of which each takes half a second: one for every 8192 paths or so. */
export function gbmContract(seed: string, paths = 2000): ContractInput {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: { ...OPS.get('mc@1/gbm.v1').example, steps: 512, paths },
    seed: { mode: 'explicit', value: seed },
    verify: { mode: 'quorum', k: 2 },
  }
}

export interface Product {
  readonly contract: ContractInput
  readonly inputs: ReadonlyMap<string, Uint8Array>
}

/** Four tiles of a matrix product, whose bytes are blobs. @param salt another product for another one */
export async function productContract(
  blobs: Pick<BlobStore, 'put'>,
  asked: Asked,
  salt = 0,
): Promise<Product> {
  const a = new Uint8Array(300 * 70).map((_, index) => (index * 31 + salt) % 256)
  const b = new Uint8Array(70 * 260).map((_, index) => (index * 17) % 256)
  for (const operand of [a, b]) await blobs.put(once(operand))
  const contract: ContractInput = {
    contract: 1,
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: {},
    inputs: {
      a: { digest: sha256Hex(a), dtype: 'int8', shape: [300, 70] },
      b: { digest: sha256Hex(b), dtype: 'int8', shape: [70, 260] },
    },
    seed: { mode: 'derived' },
    ...asked,
  }
  return {
    contract,
    inputs: new Map([
      ['a', a],
      ['b', b],
    ]),
  }
}
