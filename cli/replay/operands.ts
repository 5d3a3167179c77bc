import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { wrongUse } from '../options.ts'

/** `name=FILE`, each name once. @throws ForgeError CONTRACT_INVALID */
export function namedFiles(texts: readonly string[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const text of texts) {
    const cut = text.indexOf('=')
    const name = text.slice(0, cut)
    if (cut < 1 || cut === text.length - 1) throw wrongUse('--input: name=FILE is expected')
    if (files.has(name)) throw wrongUse(`--input: ${name} is given twice`)
    files.set(name, text.slice(cut + 1))
  }
  return files
}

/**
 * The job's inputs: each from the file named for it, else by its digest from a folder of blobs (as `DIGEST`, or as a server
 * keeps them, `ab/cd/DIGEST`). The bytes are checked against the contract.
 * @throws ForgeError CONTRACT_INVALID for an input that the job has not; INPUT_MISSING; DIGEST_MISMATCH
 */
export async function readOperands(
  job: PreparedJob,
  files: ReadonlyMap<string, string>,
  blobs: string | undefined,
): Promise<InputBytes> {
  const { inputs } = job.contract
  for (const name of files.keys())
    if (!Object.hasOwn(inputs, name)) throw wrongUse(`--input: this job has no input ${name}`)
  const operands = new Map<string, Uint8Array>()
  for (const [name, { digest }] of Object.entries(inputs)) {
    const places = [
      files.get(name),
      ...(blobs === undefined
        ? []
        : [path.join(blobs, digest), path.join(blobs, digest.slice(0, 2), digest.slice(2, 4), digest)]),
    ]
    const bytes = await firstThere(places)
    if (bytes === undefined)
      throw new ForgeError('INPUT_MISSING', `the input ${name} (SHA-256 ${digest}) is not here`, {
        hint: 'Give it with --input NAME=FILE, or a folder that has it with --blobs DIR.',
      })
    if (sha256Hex(bytes) !== digest)
      throw new ForgeError(
        'DIGEST_MISMATCH',
        `the input ${name} has other bytes: SHA-256 ${sha256Hex(bytes)}`,
        {
          hint: `The contract names ${digest}.`,
        },
      )
    operands.set(name, bytes)
  }
  return operands
}

async function firstThere(places: readonly (string | undefined)[]): Promise<Uint8Array | undefined> {
  for (const place of places) {
    if (place === undefined) continue
    try {
      const { size } = await stat(place)
      if (size > LIMITS.blob_bytes)
        throw new ForgeError(
          'TOO_LARGE',
          `${place} has ${size} bytes; an input has at most ${LIMITS.blob_bytes}`,
        )
      return new Uint8Array(await readFile(place))
    } catch (error) {
      if (error instanceof ForgeError) throw error
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        throw new ForgeError('INPUT_MISSING', error instanceof Error ? error.message : String(error))
    }
  }
  return undefined
}
