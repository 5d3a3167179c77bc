import type { Dtype, InputRef, InputRefs } from '../contract.ts'
import { sha256Hex } from '../digest.ts'
import { ForgeError, invariant } from '../errors.ts'
import type { InputBytes, Operand } from './op.ts'

/** Operands as ops read them: content-addressed bytes, little-endian, row-major. */

export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
}

/** The least and the largest element of each integer dtype. */
export const DTYPE_RANGE = {
  int8: { min: -128, max: 127 },
  uint8: { min: 0, max: 255 },
  int16: { min: -32_768, max: 32_767 },
  int32: { min: -2_147_483_648, max: 2_147_483_647 },
  uint32: { min: 0, max: 4_294_967_295 },
} as const
export type IntegerDtype = keyof typeof DTYPE_RANGE

export function isInteger(dtype: Dtype): dtype is IntegerDtype {
  return Object.hasOwn(DTYPE_RANGE, dtype)
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}

/** The reference of an input that `prepare` has checked to be there. */
export function inputRef(inputs: InputRefs, name: string): InputRef {
  const ref = inputs[name]
  invariant(ref !== undefined, `the input ${name} is in the contract`)
  return ref
}

/**
 * An operand's bytes.
 * @throws ForgeError INPUT_MISSING, or INPUT_INVALID when they are not as many as the shape says
 */
export function operandBytes(name: string, ref: InputRef, bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined)
    throw new ForgeError('INPUT_MISSING', `the bytes of the input "${name}" are missing`, {
      path: `inputs.${name}`,
    })
  const expected = elementCount(ref.shape) * DTYPE_BYTES[ref.dtype]
  if (bytes.length !== expected) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the input "${name}" has ${bytes.length} bytes; its shape and dtype ask for ${expected}`,
      { path: `inputs.${name}.shape`, hint: 'Row-major, little-endian, no header, no padding.' },
    )
  }
  return bytes
}

/** One word an element: integers extended by their sign or by zero, float32 as its bits. */
export function operandWords(name: string, ref: InputRef, given: Uint8Array | undefined): Uint32Array {
  return wordsOf(ref.dtype, operandBytes(name, ref, given))
}

/** The same of bytes that are whole elements, such as a part of an operand. */
export function wordsOf(dtype: Dtype, bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const words = new Uint32Array(bytes.length / DTYPE_BYTES[dtype])
  switch (dtype) {
    case 'int8':
      for (let i = 0; i < words.length; i++) words[i] = view.getInt8(i)
      return words
    case 'uint8':
      words.set(bytes)
      return words
    case 'int16':
      for (let i = 0; i < words.length; i++) words[i] = view.getInt16(2 * i, true)
      return words
    case 'int32':
    case 'uint32':
    case 'float32':
      for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true)
      return words
    default:
      throw new ForgeError('INPUT_INVALID', `elements of ${dtype} are not words`)
  }
}

export type IntegerElements = Int8Array | Uint8Array | Int16Array | Int32Array | Uint32Array

const ELEMENT_ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Integers where their bytes lie, if the host can read them there, else a copy. @param bytes of whole elements */
export function integersOf(dtype: IntegerDtype, bytes: Uint8Array): IntegerElements {
  const size = DTYPE_BYTES[dtype]
  const count = bytes.length / size
  if (size === 1 || (HOST_IS_LITTLE_ENDIAN && bytes.byteOffset % size === 0))
    return new ELEMENT_ARRAYS[dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, count)
  const words = wordsOf(dtype, bytes)
  const elements = new ELEMENT_ARRAYS[dtype](count)
  for (let i = 0; i < count; i++) elements[i] = words[i] as number
  return elements
}

/** The bits of float32 elements likewise; a Float32Array of the same memory reads them. */
export function float32Words(bytes: Uint8Array): Int32Array {
  if (HOST_IS_LITTLE_ENDIAN && bytes.byteOffset % 4 === 0)
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  return new Int32Array(wordsOf('float32', bytes).buffer)
}

/** The elements of an integer operand of a job: where its bytes lie, if the host can read them there, else a copy. */
export function elementsOf(name: string, refs: InputRefs, inputs: InputBytes): IntegerElements {
  const ref = inputRef(refs, name)
  const { dtype } = ref
  invariant(isInteger(dtype), `the input ${name} has integers`)
  return integersOf(dtype, operandBytes(name, ref, inputs.get(name)))
}

/** Operands as a contract names them, and their bytes. */
export function inputsOf(operands: Readonly<Record<string, Operand>>): {
  readonly refs: Record<string, InputRef>
  readonly bytes: InputBytes
} {
  const entries = Object.entries(operands)
  return {
    refs: Object.fromEntries(
      entries.map(([name, { dtype, shape, bytes }]) => [
        name,
        { digest: sha256Hex(bytes), dtype, shape: [...shape] },
      ]),
    ),
    bytes: new Map(entries.map(([name, { bytes }]) => [name, bytes])),
  }
}
