import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundles a thread as the build does. @param source its entry
 * @param name of the bundle: files of tests that run at once have their own
 */
export async function bundleWorker(source: URL, name: string): Promise<URL> {
  const bundle = new URL(`../../../dist/${name}.test.mjs`, import.meta.url)
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: fileURLToPath(bundle),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
  return bundle
}
