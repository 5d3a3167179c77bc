import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { TABLES } from '../../kernel/numerics/tables/index.ts'
import { which } from '../../scripts/apt.mjs'
import type { Found } from '../pairs.ts'
import { PEERS, packageVersion, rateIn, runPeer } from '../peer-process.ts'

/** The peers that run on the processor: programs that print their own best rate of several runs. */

const INSTALL = 'apt-get install python3-numpy gcc'

/** Debian's own Python first, because python3-numpy belongs to it; else the first of PATH that has NumPy. */
async function pythonWithNumpy(): Promise<{ python: string; version: string } | undefined> {
  for (const python of ['/usr/bin/python3', which('python3')]) {
    if (python === undefined) continue
    const version = await runPeer(python, ['-c', 'import numpy; print(numpy.__version__)']).catch(
      () => undefined,
    )
    if (version !== undefined) return { python, version: version.trim() }
  }
  return undefined
}

export async function numpyPeer(style: 'european' | 'asian'): Promise<Found> {
  const found = await pythonWithNumpy()
  if (found === undefined) return { missing: `no Python with NumPy (${INSTALL})` }
  return {
    name: `NumPy ${found.version} float64`,
    sample: async () => rateIn(await runPeer(found.python, [`${PEERS}gbm_numpy.py`, style])),
  }
}

export async function javascriptPeer(): Promise<Found> {
  return {
    name: `plain JavaScript float64, Node ${process.versions.node}`,
    sample: async () => rateIn(await runPeer(process.execPath, [`${PEERS}gbm_js.mjs`])),
  }
}

/** The frozen normal table as the C program includes it: three arrays of 512 words. */
export function normalTableHeader(): string {
  const { words } = TABLES['normal-quantile']
  const array = (column: number) =>
    Array.from({ length: words.length / 4 }, (_, row) => `${words[4 * row + column]}u`).join(',')
  return [0, 1, 2].map((column) => `static const unsigned C${column}[512]={${array(column)}};\n`).join('')
}

/** Compiles the program into a folder of its own. @param onClose called with what removes that folder */
export async function nativePeer(onClose: (close: () => Promise<void>) => void): Promise<Found> {
  const gcc = which('gcc')
  if (gcc === undefined) return { missing: `no gcc (${INSTALL})` }
  const version = (await runPeer(gcc, ['-dumpfullversion'])).trim()
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-bench-'))
  onClose(() => rm(folder, { recursive: true, force: true }))
  await writeFile(path.join(folder, 'tab.h'), normalTableHeader())
  const binary = path.join(folder, 'gbm_native')
  await runPeer(gcc, ['-O3', '-march=native', '-I', folder, `${PEERS}gbm_native.c`, '-o', binary])
  return { name: `gcc ${version} -O3 -march=native`, sample: async () => rateIn(await runPeer(binary, [])) }
}

export async function tfjsWasmPeer(size: number): Promise<Found> {
  const version = packageVersion('@tensorflow/tfjs-backend-wasm')
  if (version === undefined) return { missing: '@tensorflow/tfjs-backend-wasm is not installed (npm ci)' }
  return {
    name: `tfjs-backend-wasm ${version} f32`,
    sample: async () => rateIn(await runPeer(process.execPath, [`${PEERS}matmul_tfjs.mjs`, String(size)])),
  }
}

/** The program also times int8 and a smaller product: of its lines, the f32 one of this size counts. */
export async function ortPeer(size: number): Promise<Found> {
  const version = packageVersion('onnxruntime-web')
  if (version === undefined) return { missing: 'onnxruntime-web is not installed (npm ci)' }
  const line = (op: string) => new RegExp(`${op} ${size} [0-9.]+ ms ([0-9.]+) G/s`)
  const int8: number[] = []
  return {
    name: `onnxruntime-web ${version} wasm f32`,
    sample: async () => {
      const text = await runPeer(process.execPath, [`${PEERS}matmul_ort.mjs`])
      int8.push(rateIn(text, line('MatMulInteger')))
      return rateIn(text, line('MatMul'))
    },
    notes: () => [`its own int8 product (MatMulInteger) reached at most ${Math.max(...int8)} Gop/s`],
  }
}
