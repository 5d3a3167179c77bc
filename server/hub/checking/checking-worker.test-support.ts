import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Bundles the checking thread. @param name of the test that asks: files of tests that run at once have their own */
export async function bundleCheckingWorker(name: string): Promise<URL> {
  const entry = new URL(`../../../dist/checking-worker.${name}.test.mjs`, import.meta.url)
  await build({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    outfile: fileURLToPath(entry),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
  return entry
}
