import { build } from 'esbuild'

/**
 * Bundles a TypeScript entry into one ES module that every host can import.
 * @param entryPath absolute path; its exports are the functions that a host can call
 */
export async function bundleForHost(entryPath: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entryPath],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import', 'browser'],
    target: 'es2022',
    loader: { '.wgsl': 'text' },
    sourcemap: 'inline',
    logLevel: 'silent',
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error(`esbuild wrote nothing for ${entryPath}`)
  return bundle.text
}
