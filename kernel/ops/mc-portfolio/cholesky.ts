import { ForgeError } from '../../errors.ts'
import { shiftRound, sqrtQ, toFixedQ } from '../../numerics/bigmath.ts'

/** Fractional bits of the factorisation. */
const Q = 160
const ONE = 1n << BigInt(Q)
/** Pivots down to -2^-40 count as zero: entries are decimals, rounded when they were estimated. */
const TOLERANCE = 1n << BigInt(Q - 40)

/**
 * The lower triangular factor of a correlation matrix in Q160, by rows: L L^T is the matrix. A semidefinite matrix has
 * columns of zeros.
 * @param matrix rows of entries; empty stands for the identity of the given size
 * @throws ForgeError ARGS_OUT_OF_RANGE for a matrix that is no correlation matrix of that size
 */
export function choleskyQ(matrix: readonly (readonly number[])[], size: number): bigint[][] {
  const refuse = (message: string, hint: string): never => {
    throw new ForgeError('ARGS_OUT_OF_RANGE', message, { path: 'args.correlations', hint })
  }
  const entry = (i: number, j: number): number => (matrix[i] as number[])[j] as number
  const identity = matrix.length === 0
  if (!identity) {
    if (matrix.length !== size || matrix.some((row) => row.length !== size))
      refuse('correlations of another size than the positions', `Give ${size} rows of ${size} numbers.`)
    for (let i = 0; i < size; i++) {
      if (entry(i, i) !== 1) refuse(`entry ${i + 1} of the diagonal is not 1`, 'Put ones on the diagonal.')
      for (let j = 0; j < i; j++) {
        if (entry(i, j) !== entry(j, i))
          refuse(`entries (${i + 1}, ${j + 1}) and (${j + 1}, ${i + 1}) differ`, 'Make it symmetric.')
      }
    }
  }
  const factor: bigint[][] = []
  for (let i = 0; i < size; i++) {
    const row: bigint[] = []
    for (let j = 0; j <= i; j++) {
      const other = j === i ? row : (factor[j] as bigint[])
      let rest = identity ? (i === j ? ONE : 0n) : toFixedQ(entry(i, j), Q)
      for (let k = 0; k < j; k++) rest -= shiftRound((row[k] as bigint) * (other[k] as bigint), Q)
      if (j === i) {
        if (rest < -TOLERANCE)
          refuse('the correlations contradict each other', 'Use a positive semidefinite matrix.')
        row.push(rest <= TOLERANCE ? 0n : sqrtQ(rest, Q))
        continue
      }
      const pivot = other[j] as bigint
      if (pivot === 0n) {
        // A column of zeros must explain this entry already.
        if (rest > TOLERANCE * 1024n || rest < -TOLERANCE * 1024n)
          refuse('the correlations contradict each other', 'Use a positive semidefinite matrix.')
        row.push(0n)
      } else row.push((rest << BigInt(Q)) / pivot)
    }
    factor.push(row)
  }
  return factor
}
