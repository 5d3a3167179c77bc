/** Products by the schoolbook definition: three loops, no packing, no tiles. */

/** int8 [rows, depth] x int8 [depth, columns] -> int32 [rows, columns]. Exact while depth < 2^17. */
export function schoolbookProduct(
  a: Int8Array,
  b: Int8Array,
  rows: number,
  depth: number,
  columns: number,
): Int32Array {
  const c = new Int32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < depth; k++) {
      const factor = a[row * depth + k] ?? 0
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column
        c[at] = (c[at] ?? 0) + factor * (b[k * columns + column] ?? 0)
      }
    }
  }
  return c
}

/** int8 test operand from a linear congruential generator (Numerical Recipes), its high byte. */
export function noise(length: number, seed: number): Int8Array {
  const values = new Int8Array(length)
  let state = seed >>> 0
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[index] = state >>> 24
  }
  return values
}
