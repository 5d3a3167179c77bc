import { philoxOracle } from '../../numerics/philox.test-support.ts'
import type { IsingArgs } from './args.ts'
import type { IsingConstants } from './plan.ts'

/**
 * ensemble@1/ising.v1 spin by spin, with numbers +-1 in a two-dimensional array, from the formula in the header of
 * shaders/ensemble/ising.v1.wgsl.
 */
function oracleReplica(args: IsingArgs, c: IsingConstants, key: readonly [number, number], replica: number) {
  const size = c.size
  const wordAt = (block: number, stream: bigint): bigint[] =>
    philoxOracle([BigInt(block), BigInt(replica), 0n, stream], key.map(BigInt))
  const spins = Array.from({ length: size }, (_, y) => {
    const row = wordAt(y, 1n)[0] as bigint
    return Array.from({ length: size }, (__, x) =>
      args.start === 'ordered' || (row >> BigInt(x)) & 1n ? 1 : -1,
    )
  })
  const spin = (x: number, y: number): number =>
    (spins[(y + size) % size] as number[])[(x + size) % size] as number
  const measurements: { alike: number; m: number; up: number }[] = []
  for (let sweep = 0; sweep < c.sweeps; sweep++) {
    for (const colour of [0, 1]) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          if ((x + y) % 2 !== colour) continue
          const neighbours = spin(x + 1, y) + spin(x - 1, y) + spin(x, y + 1) + spin(x, y - 1)
          const alike = (4 + spin(x, y) * neighbours) / 2
          const block = ((2 * sweep + colour) * 32 + y) * 4 + Math.floor(x / 8)
          const word = wordAt(block, 0n)[Math.floor(x / 2) % 4] as bigint
          const threshold = [2n ** 32n, 2n ** 32n, 2n ** 32n, BigInt(c.accept_three), BigInt(c.accept_four)][
            alike
          ]
          if (word < (threshold as bigint)) (spins[y] as number[])[x] = -spin(x, y)
        }
      }
    }
    if (sweep < c.burn_in || (sweep + 1 - c.burn_in) % c.interval !== 0) continue
    let [alike, m, up] = [0, 0, 0]
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        m += spin(x, y)
        if (spin(x, y) === 1) up++
        if (spin(x, y) === spin(x + 1, y)) alike++
        if (spin(x, y) === spin(x, y + 1)) alike++
      }
    }
    measurements.push({ alike, m: Math.abs(m), up })
  }
  return measurements
}

export function oracleLeaf(
  args: IsingArgs,
  c: IsingConstants,
  key: readonly [number, number],
  first: number,
  count: number,
): number[] {
  const replicas = Array.from({ length: count }, (_, i) => oracleReplica(args, c, key, first + i))
  const all = replicas.flat()
  const sum = (values: readonly number[]): bigint =>
    values.reduce((total, value) => total + BigInt(value), 0n)
  const bins = new Array<number>(64).fill(0)
  for (const { up } of all) {
    const bin = Math.min((2 * up) >> c.bin_shift, 63)
    bins[bin] = (bins[bin] as number) + 1
  }
  const sums = [
    sum(all.map(({ alike }) => alike)),
    sum(all.map(({ alike }) => alike ** 2)),
    sum(all.map(({ m }) => m)),
    sum(all.map(({ m }) => m ** 2)),
    sum(all.map(({ m }) => m ** 4)),
    replicas.reduce((total, own) => total + sum(own.map(({ alike }) => alike)) ** 2n, 0n),
    replicas.reduce((total, own) => total + sum(own.map(({ m }) => m)) ** 2n, 0n),
  ]
  return [
    count,
    all.length,
    0,
    0,
    ...sums.flatMap((value) => [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & 0xffffffffn))),
    ...bins,
  ]
}

/** Exact means on the 4 x 4 lattice at a temperature, by all 65,536 states in doubles. */
export function exactFourByFour(temperature: number) {
  let [weight, magnetisation, energy, squares, energySquares] = [0, 0, 0, 0, 0]
  for (let state = 0; state < 65536; state++) {
    let [e, m] = [0, 0]
    for (let site = 0; site < 16; site++) {
      const [x, y] = [site % 4, site >> 2]
      const spin = (at: number): number => ((state >> at) & 1 ? 1 : -1)
      m += spin(site)
      e -= spin(site) * (spin(4 * y + ((x + 1) % 4)) + spin(4 * ((y + 1) % 4) + x))
    }
    const w = Math.exp(-(e + 32) / temperature)
    weight += w
    magnetisation += w * Math.abs(m)
    energy += w * e
    squares += w * m * m
    energySquares += w * e * e
  }
  const mean = (sum: number): number => sum / weight
  return {
    magnetisation: mean(magnetisation) / 16,
    energy: mean(energy) / 16,
    susceptibility: (mean(squares) - mean(magnetisation) ** 2) / (16 * temperature),
    heat_capacity: (mean(energySquares) - mean(energy) ** 2) / (16 * temperature ** 2),
  }
}
