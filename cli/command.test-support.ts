import process from 'node:process'
import { vi } from 'vitest'

export interface CommandRun {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command in this process and keeps what it prints. */
export async function runCommand(
  command: (argv: readonly string[]) => Promise<number>,
  ...argv: readonly string[]
): Promise<CommandRun> {
  let out = ''
  let err = ''
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text)
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text)
    return true
  })
  try {
    return { code: await command(argv), out, err }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}
