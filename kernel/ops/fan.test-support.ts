import { FAN_BINS, FAN_TIMES, FAN_WORDS } from './fan.ts'

/** The fan's words of runs, given value and bin of each run at each time; from the definition in fan.wgsl. */
export function fanWords(runs: readonly (readonly { value: bigint; bin: number }[])[]): number[] {
  const words: number[] = []
  for (let time = 0; time < FAN_TIMES; time++) {
    const at = runs.map((run) => run[time] as { value: bigint; bin: number })
    const sum = at.reduce((total, { value }) => total + value, 0n)
    const squares = at.reduce((total, { value }) => total + value * value, 0n)
    for (const shift of [0n, 32n]) words.push(Number((sum >> shift) & 0xffffffffn))
    for (const shift of [0n, 32n, 64n]) words.push(Number((squares >> shift) & 0xffffffffn))
    for (let bin = 0; bin < FAN_BINS; bin += 2) {
      const count = (wanted: number): number => at.filter((entry) => entry.bin === wanted).length
      words.push(count(bin) + 65536 * count(bin + 1))
    }
  }
  if (words.length !== FAN_WORDS) throw new Error('a fan of another size')
  return words
}
