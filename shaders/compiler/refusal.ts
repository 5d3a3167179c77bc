/** A place in a source text: which file, and its line from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** Why a kernel is not compiled, where, and what to write instead. */
export class KernelRefusal extends Error {
  readonly place: Place
  readonly reason: string
  readonly instead: string

  constructor(place: Place, reason: string, instead: string) {
    super(`${place.file}:${place.line}: ${reason}. ${instead}`)
    this.name = 'KernelRefusal'
    this.place = place
    this.reason = reason
    this.instead = instead
  }
}
