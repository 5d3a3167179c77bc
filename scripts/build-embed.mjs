// Builds the embed: the loader that partners include, the frame's script and style sheet, the agent's worker and its
// computing thread. server/http/embed-route.ts serves them.
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const EMBED_FOLDER = path.join(ROOT, 'public', 'embed')

/**
 * Workers are named by their source, `new URL('./worker.ts', import.meta.url)`; built, they lie beside what starts them.
 * @type {import('esbuild').Plugin}
 */
const workersBeside = {
  name: 'workers-beside',
  setup(steps) {
    const starts = /[\\/]agent-runtime[\\/](client|wasm[\\/]spawn-browser)[.]ts$/
    steps.onLoad({ filter: starts }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8')
      return {
        loader: 'ts',
        contents: source.replace(
          /new URL\('[.][/]([a-z-]+)[.]ts', import[.]meta[.]url\)/g,
          "new URL('./$1.js', import.meta.url)",
        ),
      }
    })
  },
}

/**
 * zod's namespace holds its messages in fifty languages, two thirds of a visitor's download. English is spoken here.
 * @type {import('esbuild').Plugin}
 */
const englishOnly = {
  name: 'english-only',
  setup(steps) {
    steps.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index[.]js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
    }))
  },
}

/** @param {string} folder gets `v1.js` and the folder `v1` */
export async function buildEmbed(folder = EMBED_FOLDER) {
  await rm(path.join(folder, 'v1'), { recursive: true, force: true })
  /** @type {import('esbuild').BuildOptions} */
  const browser = {
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    platform: 'browser',
    target: ['chrome113', 'firefox121', 'safari17'],
    loader: { '.wgsl': 'text' },
    logLevel: 'warning',
    legalComments: 'none',
  }
  await Promise.all([
    build({
      ...browser,
      entryPoints: { v1: 'agent-runtime/embed/loader.ts' },
      outdir: folder,
      format: 'iife',
    }),
    build({
      ...browser,
      entryPoints: {
        frame: 'agent-runtime/embed/frame.ts',
        worker: 'agent-runtime/worker.ts',
        'thread-browser': 'agent-runtime/wasm/thread-browser.ts',
      },
      outdir: path.join(folder, 'v1'),
      format: 'esm',
      // A kernel's WASM modules are a file of their own, loaded when a job needs it.
      splitting: true,
      chunkNames: '[name]-[hash]',
      plugins: [workersBeside, englishOnly],
    }),
    build({ ...browser, entryPoints: ['agent-runtime/embed/frame.css'], outdir: path.join(folder, 'v1') }),
  ])
}
