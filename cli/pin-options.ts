import { ForgeError } from '../kernel/errors.ts'
import type { Pins } from '../kernel/evidence/pins.ts'
import { parsePins } from '../kernel/evidence/pins.ts'
import { CLI_LIMITS } from './limits.ts'
import { wholeNumber, wrongUse } from './options.ts'
import { readTextFile } from './text-file.ts'

/** What the caller knows from elsewhere, as options of a command. */
export const PIN_OPTIONS = {
  'hub-key': { type: 'string' },
  'log-key': { type: 'string' },
  witness: { type: 'string', multiple: true },
  'witnesses-needed': { type: 'string' },
  checkpoint: { type: 'string' },
} as const

export const PIN_USAGE = `What you know from elsewhere (without it the file speaks for itself, and the output says so):
  --hub-key B64           key that must have signed the record: hub_keys in the site's /.well-known/forge-pool.json
  --log-key VKEY          key that must have signed the ledger's checkpoint: vkey in the same file
  --witness VKEY          key of a witness whom you trust; may be given several times
  --witnesses-needed N    so many of them must have cosigned (default: all that you name)
  --checkpoint FILE       checkpoint of this ledger that you kept from before (GET /log/checkpoint): the ledger must
                          contain it. Download the evidence with ?since=SIZE for the proof
`

export interface PinValues {
  readonly 'hub-key'?: string | undefined
  readonly 'log-key'?: string | undefined
  readonly witness?: readonly string[] | undefined
  readonly 'witnesses-needed'?: string | undefined
  readonly checkpoint?: string | undefined
}

const OPTION_OF: Readonly<Record<string, string>> = {
  hub_key: 'hub-key',
  log_key: 'log-key',
  witnesses: 'witness',
  witnesses_needed: 'witnesses-needed',
  checkpoint: 'checkpoint',
}

/** @throws ForgeError CONTRACT_INVALID for a pin that is malformed; as `readTextFile` does for the checkpoint */
export async function readPins(values: PinValues): Promise<Pins> {
  const { witness = [], checkpoint } = values
  const needed = values['witnesses-needed']
  const texts = {
    hub_key: values['hub-key'],
    log_key: values['log-key'],
    witnesses: witness,
    witnesses_needed:
      needed === undefined ? undefined : wholeNumber(needed, 'witnesses-needed', 0, witness.length),
    checkpoint:
      checkpoint === undefined ? undefined : await readTextFile(checkpoint, CLI_LIMITS.checkpoint_bytes),
  }
  for (const [name, text] of Object.entries(texts))
    if (text === '') throw wrongUse(`--${OPTION_OF[name]} is empty`)
  try {
    return parsePins(texts)
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error
    throw wrongUse(`--${OPTION_OF[error.path ?? ''] ?? 'witness'}: ${error.message}`)
  }
}
