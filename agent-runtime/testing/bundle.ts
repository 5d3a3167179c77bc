import { build } from 'esbuild'

/**
 * Bundles a TypeScript entry into one ES module that every host can import.
 * @param entryPath absolute path; its exports are the functions that a host can call
 * @param hosts `browser`: for pages only, with libraries in the form that they have for browsers
 */
export async function bundleForHost(entryPath: string, hosts: 'all' | 'browser' = 'all'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entryPath],
    bundle: true,
    write: false,
    format: 'esm',
    platform: hosts === 'browser' ? 'browser' : 'neutral',
    mainFields: [...(hosts === 'browser' ? ['browser'] : []), 'module', 'main'],
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
