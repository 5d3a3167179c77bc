import { parseJsonStrict } from '../../../kernel/canonical.ts'
import { type Draft, isObject } from './draft.ts'

/** A contract that its author has to leave for signing in, kept in the tab until he is back. */
const KEY = 'forge-pool-draft'

export function keepDraft(draft: Draft): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft))
  } catch {
    // A browser that stores nothing loses the draft, and nothing else.
  }
}

/** The draft that was kept, once. */
export function takeKeptDraft(): Draft | undefined {
  try {
    const text = sessionStorage.getItem(KEY)
    sessionStorage.removeItem(KEY)
    const value = text === null ? undefined : parseJsonStrict(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
