/** Progress of several jobs on a terminal: bars redrawn in place, or a line at each tenth where nobody watches. */
export class ProgressBars {
  readonly #out: NodeJS.WriteStream
  #drawn = 0
  readonly #tenths = new Map<string, number>()

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  show(
    bars: readonly {
      readonly label: string
      readonly done: number
      readonly total: number
      readonly note: string
    }[],
  ): void {
    if (!this.#out.isTTY) {
      for (const bar of bars) {
        const tenth = Math.floor((10 * bar.done) / bar.total)
        if (tenth === (this.#tenths.get(bar.label) ?? -1)) continue
        this.#tenths.set(bar.label, tenth)
        this.#out.write(`  ${bar.label} ${String(10 * tenth).padStart(3)} %  ${bar.note}\n`)
      }
      return
    }
    const width = this.#out.columns
    const lines = bars.map((bar) => {
      const filled = Math.round((24 * bar.done) / bar.total)
      const meter = `${'█'.repeat(filled)}${'░'.repeat(24 - filled)}`
      return `  ${bar.label} ${meter} ${bar.done}/${bar.total}  ${bar.note}`.slice(0, width - 1)
    })
    if (this.#drawn > 0) this.#out.write(`\x1b[${this.#drawn}A`)
    for (const line of lines) this.#out.write(`\x1b[2K${line}\n`)
    this.#drawn = lines.length
  }

  /** What is printed next stands below the bars. */
  end(): void {
    this.#drawn = 0
  }
}
