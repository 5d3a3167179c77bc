/**
 * For `vi.waitFor`: a loaded machine takes ten times as long as an idle one. It is less than a test may take, so that what
 * did not come about is named.
 */
export const PATIENCE = { timeout: 200_000, interval: 50 }
