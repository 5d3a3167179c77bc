/**
 * Reads the bytes of a module and proves what it can do: it imports nothing but one memory, and every instruction has
 * one result on every machine. Floating point is left out but for one exact conversion (its NaNs may differ in sign and
 * payload); so are threads, relaxed SIMD, growing memory, tables, calls through them, and exceptions.
 */

interface Reader {
  at: number
  readonly bytes: Uint8Array
}

/** Everything the module does that it may not. Empty: it is deterministic. */
export function scanModule(bytes: Uint8Array): readonly string[] {
  const found: string[] = []
  if ([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0].some((byte, i) => bytes[i] !== byte))
    return ['this is no WASM module']
  const r: Reader = { at: 8, bytes }
  while (r.at < bytes.length) {
    const id = byteOf(r)
    const size = unsignedOf(r)
    const end = r.at + size
    if (id === 2) scanImports(r, found)
    else if (id === 10) scanCode(r, found)
    else if (id === 4 || id === 8 || id === 9 || id === 13)
      found.push(`section ${id}: tables, start functions and exceptions are not needed`)
    r.at = end
  }
  return found
}

function scanImports(r: Reader, found: string[]): void {
  for (let count = unsignedOf(r); count > 0; count--) {
    const module = nameOf(r)
    const name = nameOf(r)
    const kind = byteOf(r)
    if (kind !== 2 || module !== 'env' || name !== 'memory') {
      found.push(`imports ${module}.${name}`)
      return
    }
    const flags = byteOf(r)
    if (flags > 1) found.push('imports a shared or 64-bit memory')
    unsignedOf(r)
    if ((flags & 1) === 1) unsignedOf(r)
  }
}

function scanCode(r: Reader, found: string[]): void {
  for (let count = unsignedOf(r); count > 0; count--) {
    const size = unsignedOf(r)
    const end = r.at + size
    for (let groups = unsignedOf(r); groups > 0; groups--) {
      unsignedOf(r)
      const type = byteOf(r)
      if (type !== 0x7f && type !== 0x7e && type !== 0x7b)
        found.push(`a local of type 0x${type.toString(16)}`)
    }
    while (r.at < end) {
      const problem = instruction(r)
      if (problem === undefined) continue
      found.push(problem)
      // Without knowing an instruction, where the next one begins is not known either.
      r.at = end
    }
  }
}

/** Passes one instruction. @returns what is wrong with it */
function instruction(r: Reader): string | undefined {
  const op = byteOf(r)
  if (op === 0x00 || op === 0x01 || op === 0x05 || op === 0x0b || op === 0x0f || op === 0x1a || op === 0x1b)
    return undefined
  if (op === 0x02 || op === 0x03 || op === 0x04 || op === 0x0c || op === 0x0d || (op >= 0x20 && op <= 0x23)) {
    unsignedOf(r)
    return undefined
  }
  if (op === 0x0e) {
    for (let count = unsignedOf(r) + 1; count > 0; count--) unsignedOf(r)
    return undefined
  }
  // Loads and stores of i32 and i64; 0x2a, 0x2b, 0x38, 0x39 are those of floats.
  if (op >= 0x28 && op <= 0x3e && ![0x2a, 0x2b, 0x38, 0x39].includes(op)) {
    memoryArgument(r)
    return undefined
  }
  if (op === 0x41 || op === 0x42) {
    unsignedOf(r)
    return undefined
  }
  const integer =
    (op >= 0x45 && op <= 0x5a) ||
    (op >= 0x67 && op <= 0x8a) ||
    op === 0xa7 ||
    op === 0xac ||
    op === 0xad ||
    (op >= 0xc0 && op <= 0xc4)
  if (integer) return undefined
  if (op === 0xfd) return vectorInstruction(r)
  return `instruction 0x${op.toString(16)}`
}

/** f32x4.convert_i32x4_s: one exact rounding, never NaN. */
const CONVERT_I32X4_S = 0xfa

function vectorInstruction(r: Reader): string | undefined {
  const op = unsignedOf(r)
  if (op <= 11 || op === 92 || op === 93) memoryArgument(r)
  else if (op === 12 || op === 13) r.at += 16
  else if (op >= 21 && op <= 30) r.at += 1
  else if (op >= 84 && op <= 91) {
    memoryArgument(r)
    r.at += 1
  } else {
    const integer =
      (op >= 14 && op <= 18) ||
      (op >= 35 && op <= 64) ||
      (op >= 77 && op <= 83) ||
      (op >= 96 && op <= 223 && ![103, 104, 105, 106, 116, 117, 122, 148].includes(op)) ||
      op === CONVERT_I32X4_S
    if (!integer) return `vector instruction ${op}`
  }
  return undefined
}

function memoryArgument(r: Reader): void {
  unsignedOf(r)
  unsignedOf(r)
}

function byteOf(r: Reader): number {
  const byte = r.bytes[r.at++]
  if (byte === undefined) throw new Error('a WASM module that ends too early')
  return byte
}

/** LEB128; signed constants are as long as unsigned ones, and their value does not matter here. */
function unsignedOf(r: Reader): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = byteOf(r)
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return value
  }
}

function nameOf(r: Reader): string {
  const length = unsignedOf(r)
  const name = new TextDecoder().decode(r.bytes.subarray(r.at, r.at + length))
  r.at += length
  return name
}
