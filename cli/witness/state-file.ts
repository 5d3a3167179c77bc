import { mkdir, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { CLI_LIMITS } from '../limits.ts'
import { replaceFile } from '../replace-file.ts'
import { readTextFile } from '../text-file.ts'

const stateSchema = z.strictObject({
  witness_state: z.literal(1),
  /** By origin: what was cosigned last. */
  logs: z.record(
    z.string().min(1).max(255),
    z.strictObject({
      size: z.int().min(0),
      root: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
    }),
  ),
})
export type WitnessState = z.infer<typeof stateSchema>

/** What a witness has cosigned, durably. One process at a time holds the file. */
export interface StateFile {
  readonly state: WitnessState
  /** Durable on return: written beside its place, flushed, renamed, and the folder flushed. */
  keep(state: WitnessState): Promise<void>
  /** Lets another process have it. */
  release(): Promise<void>
}

/**
 * Opens the state, an empty one when there is no file yet.
 * @throws ForgeError CONFLICT while another process holds it; MESSAGE_INVALID when it does not hold a state
 */
export async function openStateFile(file: string): Promise<StateFile> {
  const folder = path.dirname(file)
  await mkdir(folder, { recursive: true })
  const lock = `${file}.lock`
  await take(lock)
  try {
    const state = (await load(file)) ?? { witness_state: 1, logs: {} }
    return {
      state,
      keep: (next) => replaceFile(file, `${JSON.stringify(next, null, 2)}\n`),
      release: () => rm(lock, { force: true }),
    }
  } catch (error) {
    await rm(lock, { force: true })
    throw error
  }
}

async function load(file: string): Promise<WitnessState | undefined> {
  let text: string
  try {
    text = await readTextFile(file, CLI_LIMITS.witness_state_bytes)
  } catch (error) {
    if (error instanceof ForgeError && error.code === 'NOT_FOUND' && error.message.startsWith('ENOENT'))
      return undefined
    throw error
  }
  const parsed = stateSchema.safeParse(parseJsonStrict(text, CLI_LIMITS.witness_state_bytes))
  if (!parsed.success)
    throw new ForgeError('MESSAGE_INVALID', `${file} does not hold the state of a witness`, {
      hint: 'Restore it. A witness that has lost its state must not go on with its key: it could cosign a fork.',
    })
  return parsed.data
}

/** The lock holds the id of its process, so that one left behind by a crash is known. */
async function take(lock: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(lock, 'wx', 0o600)
      await handle.writeFile(`${process.pid}\n`).finally(() => handle.close())
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const holder = Number((await readTextFile(lock, 64).catch(() => '')).trim())
      if (attempt > 0 || isAlive(holder))
        throw new ForgeError('CONFLICT', `process ${holder} is a witness with this state already`, {
          hint: `If it is not, remove ${lock}.`,
        })
      await rm(lock, { force: true })
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  if (pid === process.pid) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
