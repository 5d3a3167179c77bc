import type { JobWaiting } from '../../kernel/api.ts'

/** Ticks between two looks: what nobody can do is not urgent to the millisecond. */
const EVERY = 4

/** Notices for which jobs the reason to wait has changed, so that their watchers are told. */
export class WaitingWatch {
  readonly #told = new Map<string, string>()
  #ticks = 0

  /** @returns jobs whose watchers have heard something else */
  changed(jobs: Iterable<string>, waiting: (jobId: string) => JobWaiting | undefined): readonly string[] {
    if (this.#ticks++ % EVERY !== 0) return []
    const changed: string[] = []
    for (const id of jobs) {
      const now = JSON.stringify(waiting(id) ?? null)
      if (now === (this.#told.get(id) ?? 'null')) continue
      this.#told.set(id, now)
      changed.push(id)
    }
    return changed
  }

  forget(jobId: string): void {
    this.#told.delete(jobId)
  }
}
