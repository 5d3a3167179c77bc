// Builds what runs: the server and its threads and the agent as bundles in dist/, the embed in public/embed/, then the
// site in .next/.
//
//   node scripts/build.mjs             everything; the site only when something it is made of has changed
//   node scripts/build.mjs --bundles   the bundles alone (a second): development serves the site itself
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildEmbed } from './build-embed.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Name in dist/ and entry. What only some servers need is loaded when it is: parts of its own. */
const SERVER = { server: 'server/main.ts' }
const SERVER_PARTS = 'server-part'

/** Threads are files of their own, found beside the bundle that starts them. */
const BUNDLES = {
  backup: 'server/backup/main.ts',
  fsck: 'server/fsck/main.ts',
  recheck: 'server/tools/recheck.ts',
  keys: 'server/tools/keys.ts',
  'referee-worker': 'server/hub/referee/worker.ts',
  'checking-worker': 'server/hub/checking/worker.ts',
  agent: 'agent-runtime/headless/main.ts',
  'agent-worker': 'agent-runtime/headless/worker.ts',
}

/** Each command is a part of its own, loaded when it is called. Parts lie beside the threads that they start. */
const COMMAND = { forge: 'cli/main.ts' }
const COMMAND_PARTS = 'forge-part'
/** Packages inside the command's bundle: to find and compile their many files takes longer than to verify one. */
const COMMAND_PACKAGES = /^(?:zod|canonicalize|@noble[/][^/]+|@msgpack[/][^/]+)(?:[/]|$)/

/** What the site is made of. Of the server it uses types only, which leave no trace in it. */
const SITE_FOLDERS = ['app', 'agent-runtime', 'kernel', 'shaders']
const SITE_FILES = [
  'next.config.mjs',
  'package-lock.json',
  'package.json',
  'postcss.config.mjs',
  'tsconfig.json',
]
const STAMP = path.join(ROOT, '.next', 'content-stamp')

async function buildBundles() {
  const start = performance.now()
  /** @type {import('esbuild').BuildOptions} */
  const options = {
    absWorkingDir: ROOT,
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    loader: { '.wgsl': 'text' },
    sourcemap: true,
    logLevel: 'warning',
  }
  await build({ ...options, entryPoints: BUNDLES })
  const server = await build({
    ...options,
    entryPoints: SERVER,
    splitting: true,
    chunkNames: `${SERVER_PARTS}-[hash]`,
    metafile: true,
  })
  removeOldParts(SERVER_PARTS, server.metafile)
  /** @type {import('esbuild').Plugin} */
  const otherPackages = {
    name: 'other-packages',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^[^./]/ }, ({ path: name, kind }) =>
        kind === 'entry-point' || COMMAND_PACKAGES.test(name) ? undefined : { path: name, external: true },
      ),
  }
  const { metafile } = await build({
    ...options,
    packages: 'bundle',
    plugins: [otherPackages],
    minify: true,
    entryPoints: COMMAND,
    splitting: true,
    chunkNames: `${COMMAND_PARTS}-[hash]`,
    metafile: true,
  })
  removeOldParts(COMMAND_PARTS, metafile)
  // What package.json names as a command.
  chmodSync(path.join(ROOT, 'dist/forge.mjs'), 0o755)
  return Math.round(performance.now() - start)
}

/** Removes parts that an earlier build has written and this one has not. */
function removeOldParts(/** @type {string} */ parts, /** @type {import('esbuild').Metafile} */ { outputs }) {
  const written = new Set(Object.keys(outputs).map((file) => path.basename(file)))
  for (const file of readdirSync(path.join(ROOT, 'dist')))
    if (file.startsWith(parts) && !written.has(file)) rmSync(path.join(ROOT, 'dist', file))
}

/** SHA-256 over the names and bytes of everything that the site is made of. */
function siteStamp() {
  const hash = createHash('sha256').update(process.version)
  const files = SITE_FOLDERS.filter((folder) => existsSync(path.join(ROOT, folder))).flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/[.]test[.]tsx?$/.test(entry.name))
      .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name))),
  )
  for (const file of [...files, ...SITE_FILES.filter((name) => existsSync(path.join(ROOT, name)))].sort()) {
    const bytes = readFileSync(path.join(ROOT, file))
    hash.update(`${file.replaceAll(path.sep, '/')}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}

function siteIsCurrent(/** @type {string} */ stamp) {
  if (!existsSync(path.join(ROOT, '.next', 'BUILD_ID')) || !existsSync(STAMP)) return false
  return readFileSync(STAMP, 'utf8') === stamp
}

/** @returns {Promise<void>} */
function nextBuild() {
  const next = createRequire(import.meta.url).resolve('next/dist/bin/next')
  const child = spawn(process.execPath, [next, 'build'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`next build failed (exit code ${code})`)),
    )
  })
}

try {
  console.log(`build: bundles in dist/ (${await buildBundles()} ms)`)
  await buildEmbed()
  if (!process.argv.includes('--bundles')) {
    const stamp = siteStamp()
    if (siteIsCurrent(stamp)) console.log('build: the site is up to date')
    else {
      const start = performance.now()
      await nextBuild()
      writeFileSync(STAMP, stamp)
      console.log(`build: the site (${Math.round((performance.now() - start) / 1000)} s)`)
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
