import { bundleWorker } from '../testing/bundle-worker.ts'

/** Bundles the checking thread. @param name of the test that asks */
export function bundleCheckingWorker(name: string): Promise<URL> {
  return bundleWorker(new URL('./worker.ts', import.meta.url), `checking-worker.${name}`)
}
