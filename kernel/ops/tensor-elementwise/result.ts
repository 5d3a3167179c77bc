import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { heatmapOf, matrixPreview, previewOf } from '../matrix-preview.ts'
import type { Artifact, ChartSpec } from '../op.ts'
import { factsOf, sequenceFacts } from '../sequence-facts.ts'
import type { ElementwiseArgs } from './args.ts'
import { COUNT_BYTES, type ElementwiseConstants, type ElementwisePlan, shardElements } from './plan.ts'

/** The whole result while its shards arrive. */
export interface Elements {
  readonly constants: ElementwiseConstants
  readonly bytes: Uint8Array
  saturated: number
}

export const elementwiseResult = z.strictObject({
  shape: z.tuple([z.int(), z.int()]),
  dtype: z.enum(['int8', 'int16', 'int32', 'uint8', 'uint32']),
  /** SHA-256 of the artifact `y`. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Elements that the result's type could not hold. */
  saturated: z.int(),
  ...sequenceFacts.omit({ blocks: true }).shape,
  preview: matrixPreview,
})
export type ElementwiseResult = z.infer<typeof elementwiseResult>

/** Words as elements of so many bytes, little-endian, then the count. */
export function leafOf(words: Uint32Array, saturated: number, elementBytes: number): Uint8Array {
  const bytes = new Uint8Array(words.length * elementBytes + COUNT_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number
    if (elementBytes === 1) bytes[i] = word
    else if (elementBytes === 2) view.setUint16(2 * i, word, true)
    else view.setUint32(4 * i, word, true)
  }
  view.setUint32(words.length * elementBytes, saturated, true)
  return bytes
}

export function emptyElements({ constants }: ElementwisePlan): Elements {
  const { rows, columns, element_bytes } = constants
  return { constants, bytes: new Uint8Array(rows * columns * element_bytes), saturated: 0 }
}

export function placeElements(elements: Elements, shard: number, leaf: Uint8Array): void {
  const { constants: c, bytes } = elements
  const end = leaf.length - COUNT_BYTES
  bytes.set(leaf.subarray(0, end), shard * c.shard_elements * c.element_bytes)
  elements.saturated += countOf(leaf)
}

function countOf(leaf: Uint8Array): number {
  return new DataView(leaf.buffer, leaf.byteOffset, leaf.length).getUint32(leaf.length - COUNT_BYTES, true)
}

/** A leaf has exactly its elements and a count that is not above them. */
export function checkElements(plan: ElementwisePlan, shard: number, leaf: Uint8Array): string | undefined {
  const count = shardElements(plan.constants, shard)
  const expected = count * plan.constants.element_bytes + COUNT_BYTES
  if (leaf.length !== expected)
    return `a leaf of ${leaf.length} bytes; ${count} elements and a count are ${expected}`
  return countOf(leaf) > count ? `${countOf(leaf)} of ${count} elements saturated` : undefined
}

export function reduceElements(
  { result: dtype }: ElementwiseArgs,
  { constants: c, bytes, saturated }: Elements,
): { readonly result: ElementwiseResult; readonly artifacts: readonly Artifact[] } {
  const shape: [number, number] = [c.rows, c.columns]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const at = {
    int8: (i: number) => view.getInt8(i),
    uint8: (i: number) => view.getUint8(i),
    int16: (i: number) => view.getInt16(2 * i, true),
    int32: (i: number) => view.getInt32(4 * i, true),
    uint32: (i: number) => view.getUint32(4 * i, true),
  }[dtype]
  const { min, max, sum } = factsOf(c.rows * c.columns, at)
  return {
    result: {
      shape,
      dtype,
      digest: sha256Hex(bytes),
      saturated,
      min,
      max,
      sum,
      preview: previewOf(c.rows, c.columns, (row, column) => at(row * c.columns + column)),
    },
    artifacts: [{ name: 'y', dtype, shape, bytes }],
  }
}

export function chartsOf({ shape: [rows, columns], preview }: ElementwiseResult): ChartSpec[] {
  return [heatmapOf('y', rows, columns, preview)]
}
