import { expose, releaseProxy, wrap } from 'comlink'
import { expect, it } from 'vitest'
import { ForgeError } from '../kernel/errors.ts'
import { installErrorTransfer } from './transfer-errors.ts'

it('keeps code, hint and path of an error across the border of a worker', async () => {
  installErrorTransfer()
  const { port1, port2 } = new MessageChannel()
  const api = {
    refuse(): void {
      throw new ForgeError('CONFLICT', 'the agent is started already', {
        hint: 'Stop it first.',
        path: 'executor',
      })
    },
    fault(): void {
      throw new TypeError('x is not a function')
    },
  }
  expose(api, port1)
  const remote = wrap<typeof api>(port2)
  const error = await remote.refuse().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ForgeError)
  expect(error).toMatchObject({ code: 'CONFLICT', hint: 'Stop it first.', path: 'executor' })
  await expect(remote.fault()).rejects.toMatchObject({ code: 'INTERNAL', message: 'x is not a function' })
  remote[releaseProxy]()
  port1.close()
  port2.close()
})
