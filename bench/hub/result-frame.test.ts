import { expect, it } from 'vitest'
import { PROTOCOL_VERSION, resultInput } from '../../kernel/protocol.ts'
import { wireEncoder } from '../../kernel/wire-encoder.ts'
import { packedLeaves, resultFrame } from './result-frame.ts'

it('writes frames that the protocol reads', () => {
  const leaves = [64, 300, 0, 2112].map((length) => new Uint8Array(length).fill(length & 255))
  const parts = {
    session: 'a'.repeat(43),
    lease_id: '1-70000',
    epoch: 70_000,
    digests: new Uint8Array(4 * 32).fill(7),
    root: new Uint8Array(32).fill(8),
    signature: new Uint8Array(64).fill(9),
  }
  const frame = resultFrame({ ...parts, request: 300, leaves: packedLeaves(leaves) })
  const read = wireEncoder.decode(frame) as { params: { input: unknown } }
  expect(read).toMatchObject({ id: 300, method: 'mutation', params: { path: 'hub.result' } })
  expect(resultInput.parse(read.params.input)).toEqual({
    v: PROTOCOL_VERSION,
    session: parts.session,
    lease_id: parts.lease_id,
    epoch: parts.epoch,
    executor: 'wasm',
    digests: parts.digests,
    result_root: parts.root,
    leaves,
    elapsed_ms: 1,
    signature: parts.signature,
  })
})
