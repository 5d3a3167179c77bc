import { exactRational } from '../../numerics/bigmath.ts'
import { philoxOracle } from '../../numerics/philox.test-support.ts'
import type { BootstrapArgs } from './args.ts'

/** ensemble@1/bootstrap.v1 in BigInt on a table of doubles, from the header of shaders/ensemble/bootstrap.v1.wgsl. */

export type Table = readonly (readonly number[])[]

/** A value's level within half a level and a little: exact arithmetic, so that only a tie may differ. */
function levelOf(value: number, low: number, high: number): bigint {
  if (low === high) return 0n
  const [x, a, b] = [value, low, high].map(exactRational) as [
    ReturnType<typeof exactRational>,
    ReturnType<typeof exactRational>,
    ReturnType<typeof exactRational>,
  ]
  const num = (x.num * a.den - a.num * x.den) * b.den
  const den = (b.num * a.den - a.num * b.den) * x.den
  return (2n * num * (2n ** 24n - 1n) + den) / (2n * den)
}

export function oracleStatistics(
  args: BootstrapArgs,
  table: Table,
  key: readonly [number, number],
  first: number,
  count: number,
): number[][] {
  const pairs = args.statistic === 'correlation'
  const rows = table
    .map((row) => [row[args.column] as number, pairs ? (row[args.other_column] as number) : 0] as const)
    .filter((row) => row.every(Number.isFinite))
  const levels = ([0, 1] as const).map((i) => {
    const column = rows.map((row) => row[i])
    return column.map((value) => levelOf(value, Math.min(...column), Math.max(...column)))
  }) as [bigint[], bigint[]]
  const n = rows.length
  const ascending = [...levels[0]].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const two = (value: bigint): number[] => [Number(value & 0xffffffffn), Number(value >> 32n)]
  return Array.from({ length: count }, (_, i) => {
    const drawn = Array.from({ length: n }, (__, j) => {
      const words = philoxOracle([BigInt(j >> 2), BigInt(first + i), 0n, 0n], key.map(BigInt))
      return Number(((words[j % 4] as bigint) * BigInt(n)) >> 32n)
    })
    const sum = (of: (row: number) => bigint): bigint => drawn.reduce((total, row) => total + of(row), 0n)
    const x = (row: number): bigint => levels[0][row] as bigint
    const y = (row: number): bigint => levels[1][row] as bigint
    if (args.statistic === 'mean') return two(sum(x))
    if (args.statistic === 'quantile') {
      const rank = Math.max(Math.ceil((n * args.percent) / 100 - 1e-9), 1)
      const row = [...drawn].sort((a, b) => a - b)[rank - 1] as number
      return [Number(ascending[row]), 0]
    }
    return [sum(x), sum(y), sum((r) => x(r) ** 2n), sum((r) => y(r) ** 2n), sum((r) => x(r) * y(r))].flatMap(
      two,
    )
  })
}
