import { philox4x32 } from '../../numerics/philox.ts'
import type { PhiloxKey } from '../../seed.ts'
import type { IsingConstants } from './plan.ts'

/** A replica of 64 x 64 sites and more, site by site: as the header of shaders/ensemble/ising.v1.wgsl has it. */
export class WideLattice {
  readonly #c: IsingConstants
  readonly #key: PhiloxKey
  /** 1 for spin up, row by row. */
  readonly #spins: Uint8Array
  readonly #words = new Uint32Array(4)
  #replica = 0

  constructor(c: IsingConstants, key: PhiloxKey) {
    this.#c = c
    this.#key = key
    this.#spins = new Uint8Array(c.size * c.size)
  }

  #draw(block: number, stream: number): Uint32Array {
    philox4x32(this.#words, block, this.#replica, 0, stream, this.#key[0], this.#key[1])
    return this.#words
  }

  #spin(x: number, y: number): number {
    const { size } = this.#c
    return this.#spins[((y + size) % size) * size + ((x + size) % size)] as number
  }

  start(replica: number, random: boolean): void {
    this.#replica = replica
    const { size } = this.#c
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const colour = (x + y) & 1
        const word = this.#draw((2 * y + colour) * 4 + (x >> 6), 1)[0] as number
        this.#spins[y * size + x] = random ? (word >>> ((x & 63) >> 1)) & 1 : 1
      }
    }
  }

  /** One colour of one row; half = 2 sweep + colour. */
  update(y: number, half: number): void {
    const { size, accept_three, accept_four } = this.#c
    for (let x = (y ^ half) & 1; x < size; x += 2) {
      const own = this.#spin(x, y)
      const around = [this.#spin(x - 1, y), this.#spin(x + 1, y), this.#spin(x, y - 1), this.#spin(x, y + 1)]
      const alike = around.filter((spin) => spin === own).length
      const word = this.#draw(((half * size + y) * size) / 8 + (x >> 3), 0)[(x >> 1) & 3] as number
      const threshold = alike === 4 ? accept_four : alike === 3 ? accept_three : 2 ** 32
      if (word < threshold) this.#spins[y * size + x] = 1 - own
    }
  }

  /** Pairs of alike neighbours, and spins that are up. */
  measure(): { alike: number; up: number } {
    const { size } = this.#c
    let alike = 0
    let up = 0
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const own = this.#spin(x, y)
        up += own
        if (own === this.#spin(x + 1, y)) alike++
        if (own === this.#spin(x, y + 1)) alike++
      }
    }
    return { alike, up }
  }
}
